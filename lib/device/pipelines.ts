import type { Kernel } from "../../kernels/kernel.ts";
import { messageOf } from "../text/message_of.ts";
import { layoutEntries } from "./bindable.ts";
import type { Faults } from "./faults.ts";
import type { WarmUp } from "./warm_up.ts";

/** Compiled kernels of a device: each text is compiled once. */
export class Pipelines {
  readonly #gpu: GPUDevice;
  readonly #faults: Faults;
  readonly #warmUp: WarmUp | undefined;
  readonly #known = new Map<string, Promise<GPUComputePipeline>>();
  readonly #ready = new Map<string, GPUComputePipeline>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  #created = 0;

  /** Pipelines of a device, compiled to the end by `warmUp` where the driver puts that off. */
  constructor(gpu: GPUDevice, { faults, warmUp }: { readonly faults: Faults; readonly warmUp: WarmUp | undefined }) {
    this.#gpu = gpu;
    this.#faults = faults;
    this.#warmUp = warmUp;
  }

  /** How many pipelines were created. */
  get created(): number {
    return this.#created;
  }

  /** How a kernel's bind groups look; kernels with equal bindings share it. */
  groupLayout(kernel: Kernel): GPUBindGroupLayout {
    const key = kernel.bindings.join();
    let layout = this.#layouts.get(key);
    if (!layout) {
      layout = this.#gpu.createBindGroupLayout({ entries: layoutEntries(kernel) });
      this.#layouts.set(key, layout);
    }
    return layout;
  }

  /**
   * The layout of one pipeline alone: where two share theirs, wgpu holds the uniforms of the second one against the size
   * that the first one wants.
   */
  #layout(kernel: Kernel): GPUPipelineLayout {
    return this.#gpu.createPipelineLayout({ bindGroupLayouts: [this.groupLayout(kernel)] });
  }

  /** The pipeline of a kernel, compiled the first time its text is met. Rejects with the compiler's message. */
  of(kernel: Kernel): Promise<GPUComputePipeline> {
    let pipeline = this.#known.get(kernel.code);
    if (!pipeline) {
      this.#created++;
      pipeline = this.#compile(kernel);
      this.#known.set(kernel.code, pipeline);
    }
    return pipeline;
  }

  /** The pipeline of a kernel, if it is compiled. */
  ready(kernel: Kernel): GPUComputePipeline | undefined {
    return this.#ready.get(kernel.code);
  }

  /** The pipeline of a kernel, compiled while everything waits where it is not there yet. */
  now(kernel: Kernel): GPUComputePipeline {
    const ready = this.#ready.get(kernel.code);
    if (ready) return ready;
    this.#created++;
    const { name: label, code } = kernel;
    const module = this.#gpu.createShaderModule({ label, code });
    const layout = this.#layout(kernel);
    const pipeline = this.#gpu.createComputePipeline({ label, layout, compute: { module, entryPoint: "main" } });
    this.#ready.set(code, pipeline);
    this.#known.set(code, Promise.resolve(pipeline));
    return pipeline;
  }

  async #compile(kernel: Kernel): Promise<GPUComputePipeline> {
    const { name: label, code } = kernel;
    // What is wrong with a text also arrives as an uncaptured error, but the message below says more.
    this.#gpu.pushErrorScope("validation");
    const module = this.#gpu.createShaderModule({ label, code });
    const heard = this.#gpu.popErrorScope();
    heard.catch(() => {}); // the device is gone: the next wait says so
    const layout = this.#layout(kernel);
    let pipeline: GPUComputePipeline;
    try {
      pipeline = await this.#faults.wait(
        this.#gpu.createComputePipelineAsync({ label, layout, compute: { module, entryPoint: "main" } }),
      );
    } catch (error) {
      this.#known.delete(code);
      const { messages } = await this.#faults.wait(module.getCompilationInfo());
      const lines = code.split("\n");
      const notes = messages.map(({ lineNum, message }) =>
        `line ${lineNum}: ${message}\n    ${lines[lineNum - 1] ?? ""}`
      );
      throw new Error([`internal: kernel ${label} does not compile: ${messageOf(error)}`, ...notes].join("\n"));
    }
    if (this.#warmUp) await this.#faults.wait(this.#warmUp.add(kernel, pipeline));
    this.#ready.set(code, pipeline);
    return pipeline;
  }
}
