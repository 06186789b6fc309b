import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type Device, type Kernel, requestDevice } from "../../lib/device/mod.ts";
import { TEST_DEVICE } from "../support/devices.ts";
import { collectGarbage } from "../support/collect_garbage.ts";

/** Doubles every element. */
const DOUBLE: Kernel = {
  name: "double",
  bindings: ["read", "read_write"],
  code: `@group(0) @binding(0) var<storage, read> X: array<f32>;
@group(0) @binding(1) var<storage, read_write> Y: array<f32>;
@group(0) @binding(2) var<uniform> n: vec4<u32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < n.x) { Y[id.x] = 2.0 * X[id.x]; }
}
`,
};

describe("a device", () => {
  let device: Device;
  beforeAll(async () => void (device = await requestDevice({ device: TEST_DEVICE })));
  afterAll(() => device.destroy());

  it("is the one that tests are to compute on", () => {
    const { source, name } = device.report;
    if (TEST_DEVICE === undefined) expect(source).not.toBe("browser");
    else expect(`${source} ${name}`.toLowerCase()).toContain(TEST_DEVICE.toLowerCase());
  });

  it("runs a kernel on buffers and counts what it took", async () => {
    const before = device.counters();
    const [x, y] = [device.acquire(16), device.acquire(16)];
    device.write(x, Float32Array.of(1, 2, 3, 4));
    const uniforms = device.uniforms(Uint32Array.of(4, 0, 0, 0));
    const pipeline = await device.pipeline(DOUBLE);
    const group = device.bindGroup(DOUBLE, [x, y], { buffer: uniforms, offset: 0, size: 16 });
    device.submit((encoder) => {
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(1);
      pass.end();
    }, 1);
    expect(Array.from(new Float32Array(await device.read(y, 16)))).toEqual([2, 4, 6, 8]);
    const after = device.counters();
    const change = Object.fromEntries(
      Object.entries(after).map(([name, count]) => [name, count - before[name as keyof typeof before]]),
    );
    // The second submission and the fourth buffer are the copy for reading.
    expect(change).toEqual({ submissions: 2, dispatches: 1, buffers: 4, pipelines: 1, bindGroups: 1 });
    for (const buffer of [x, y]) device.release(buffer);
    device.releaseUniforms(uniforms);
  });

  it("compiles a text once, whoever asks and however often", async () => {
    const before = device.counters().pipelines;
    const kernel = { ...DOUBLE, code: `${DOUBLE.code}\n// once\n` };
    expect(device.readyPipeline(kernel)).toBeUndefined();
    const [first, second] = await Promise.all([device.pipeline(kernel), device.pipeline({ ...kernel })]);
    expect(second).toBe(first);
    expect(device.readyPipeline(kernel)).toBe(first);
    expect(device.pipelineNow(kernel)).toBe(first);
    expect(device.counters().pipelines).toBe(before + 1);
  });

  it("compiles a text at once where nobody can wait", async () => {
    const kernel = { ...DOUBLE, code: `${DOUBLE.code}\n// now\n` };
    const pipeline = device.pipelineNow(kernel);
    expect(await device.pipeline(kernel)).toBe(pipeline);
  });

  it("tells live, peak and pooled bytes", () => {
    device.trim();
    device.resetPeak();
    const start = device.memory();
    expect(start.pooledBytes).toBe(0);
    expect(start.peakBytes).toBe(start.liveBytes);
    const buffer = device.acquire(1000);
    expect(buffer.size).toBe(1024);
    expect(device.memory().liveBytes).toBe(start.liveBytes + 1024);
    device.release(buffer);
    expect(device.memory()).toEqual({
      liveBytes: start.liveBytes,
      peakBytes: start.liveBytes + 1024,
      pooledBytes: 1024,
    });
    device.trim();
    expect(device.memory().pooledBytes).toBe(0);
  });

  it("gives a released buffer to the next one who needs its size, and makes no new one", () => {
    const first = device.acquire(4096);
    device.release(first);
    const before = device.counters().buffers;
    expect(device.acquire(4000)).toBe(first);
    expect(device.counters().buffers).toBe(before);
    device.release(first);
  });

  it("keeps buffers for storage, reading and uniforms apart", () => {
    device.release(device.acquire(512));
    const before = device.counters().buffers;
    device.releaseStaging(device.staging(512));
    device.releaseUniforms(device.uniforms(new Uint32Array(128)));
    expect(device.counters().buffers).toBe(before + 2);
  });

  it("rounds sizes up by less than a quarter, to multiples of 256 bytes", () => {
    for (const bytes of [1, 255, 256, 257, 1025, 5000, 100_001, 2 ** 20 + 1, 3 * 2 ** 20 + 5]) {
      const buffer = device.acquire(bytes);
      expect(buffer.size).toBeGreaterThanOrEqual(bytes);
      expect(buffer.size % 256).toBe(0);
      expect(buffer.size).toBeLessThan(Math.max(512, 1.25 * bytes + 256));
      device.release(buffer);
    }
    device.trim();
  });

  it("refuses a buffer over the device's limit, and says what to do", () => {
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
    const limit = Math.min(maxBufferSize, maxStorageBufferBindingSize);
    const before = device.memory();
    expect(() => device.acquire(limit + 1)).toThrow(RangeError);
    expect(() => device.acquire(limit + 1)).toThrow(
      `over this device's limit of ${(limit / 2 ** 20).toFixed(1)} MiB (${device.report.name}): ` +
        "use smaller batches or tensors, or another device",
    );
    expect(device.memory()).toEqual(before);
  });

  it("keeps nothing of a wait once it is over", async () => {
    for (let i = 0; i < 200; i++) await device.done();
    await collectGarbage();
    const before = Deno.memoryUsage().heapUsed;
    for (let i = 0; i < 2000; i++) await device.done();
    await collectGarbage();
    // One registration for each wait would be some 300 bytes.
    expect(Deno.memoryUsage().heapUsed - before).toBeLessThan(200_000);
  });
});
