import { expect } from "expect";
import type { Grid, Kernel } from "../../kernels/kernel.ts";
import type { Device } from "../../lib/device/mod.ts";

/** A kernel with what it runs on. */
export interface KernelRun {
  readonly kernel: Kernel;
  readonly grid: Grid;
  readonly uniforms: Uint32Array;
  /** Contents of its storage buffers in the order of the bindings. */
  readonly buffers: readonly (Float32Array | Int32Array | Uint32Array)[];
}

/** What stands behind the last element: a kernel that writes there is found out. */
const GUARD = 0xdeadbeef;

/**
 * Runs a kernel alone on a device and gives the words of the buffers that it may write. Fails where it writes behind the
 * end of one.
 */
export async function runKernel(device: Device, run: KernelRun): Promise<Uint32Array[]> {
  const { kernel, grid, uniforms, buffers } = run;
  const pipeline = await device.pipeline(kernel);
  const storage = buffers.map((data) => {
    const buffer = device.acquire(Math.max(4, data.byteLength));
    const words = new Uint32Array(buffer.size / 4).fill(GUARD);
    words.set(new Uint32Array(data.buffer, data.byteOffset, data.length));
    device.write(buffer, words);
    return buffer;
  });
  const padded = new Uint32Array(Math.ceil(uniforms.length / 4) * 4);
  padded.set(uniforms);
  const buffer = device.uniforms(padded);
  const group = device.bindGroup(kernel, storage, { buffer, offset: 0, size: padded.byteLength });
  device.submit((encoder) => {
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...grid);
    pass.end();
  }, 1);
  const found: Uint32Array[] = [];
  for (const [i, { length }] of buffers.entries()) {
    if (kernel.bindings[i] === "read") continue;
    const words = new Uint32Array(await device.read(storage[i], storage[i].size));
    expect(words.subarray(length).every((word) => word === GUARD)).toBe(true);
    found.push(words.slice(0, length));
  }
  for (const used of storage) device.release(used);
  device.releaseUniforms(buffer);
  return found;
}

/** Words as the numbers that they are the bits of. */
export function asFloats(words: Uint32Array): Float32Array {
  return new Float32Array(words.buffer, words.byteOffset, words.length);
}
