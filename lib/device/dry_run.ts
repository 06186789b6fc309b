import { type Binding, type Kernel, textureFormat } from "../../kernels/kernel.ts";
import { paced } from "./settle.ts";

/** WebGPU's usage flags, which are globals only where the runtime has WebGPU of its own. */
const USAGE = { uniform: 0x40, storage: 0x80, indirect: 0x100, storageTexture: 0x8 } as const;
/** Bytes of a storage buffer that is never touched. */
const STORAGE_BYTES = 256;
/** What every device allows, and no kernel exceeds. */
const UNIFORM_BYTES = 65_536;

/**
 * Starts pipelines without a single workgroup: nothing runs, but a driver that puts off making machine code until the
 * first dispatch has to make it. `using` frees what it binds.
 */
export class DryRun {
  readonly #gpu: GPUDevice;
  readonly #buffers = new Map<string, GPUBuffer>();
  readonly #textures = new Map<string, GPUTexture>();

  /** Dry runs on a device. */
  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  #buffer(key: string, size: number, usage: number): GPUBuffer {
    const buffer = this.#buffers.get(key) ?? this.#gpu.createBuffer({ size, usage });
    this.#buffers.set(key, buffer);
    return buffer;
  }

  /** Something for the binding of a number to bind: none serves two, as what is written may be bound only once. */
  #resource(binding: Binding, number: number): GPUBindingResource {
    const format = textureFormat(binding);
    if (format === undefined) {
      return { buffer: this.#buffer(`buffer ${number}`, STORAGE_BYTES, USAGE.storage) };
    }
    const key = `${format} ${number}`;
    const texture = this.#textures.get(key) ??
      this.#gpu.createTexture({ size: [1, 1], format, usage: USAGE.storageTexture });
    this.#textures.set(key, texture);
    return texture.createView();
  }

  /** Starts the pipeline of a kernel on nothing. Resolves when the driver is done with it. */
  async start(kernel: Kernel, pipeline: GPUComputePipeline): Promise<void> {
    const resources = kernel.bindings.map((binding, number) => this.#resource(binding, number));
    resources.push({ buffer: this.#buffer("uniforms", UNIFORM_BYTES, USAGE.uniform) });
    const entries = resources.map((resource, binding) => ({ binding, resource }));
    const encoder = this.#gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, this.#gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    // Zeros that stand in memory: Dawn warns of those in the call.
    pass.dispatchWorkgroupsIndirect(this.#buffer("no workgroups", 16, USAGE.indirect), 0);
    pass.end();
    this.#gpu.queue.submit([encoder.finish()]);
    await paced(this.#gpu.queue.onSubmittedWorkDone());
  }

  /** Frees what was bound. */
  [Symbol.dispose](): void {
    for (const pieces of [this.#buffers, this.#textures]) {
      for (const piece of pieces.values()) piece.destroy();
      pieces.clear();
    }
  }
}
