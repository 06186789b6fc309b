import type { Kernel } from "../../kernels/kernel.ts";
import type { Device } from "./device.ts";
import { DryRun } from "./dry_run.ts";

/** A driver that has a pipeline in its cache takes less milliseconds than this. */
const CACHED = 40;
/** For fewer pipelines it does not pay to open a device. */
const WORTHWHILE = 8;

interface Job {
  readonly kernel: Kernel;
  readonly pipeline: GPUComputePipeline;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Compiles pipelines to the end before they are used. lavapipe makes machine code when a pipeline is first dispatched, in
 * the one thread of its queue. Where that takes long, a second device, whose queue has a thread of its own, begins with
 * what was added last; the first one then finds that in the driver's cache.
 */
export class WarmUp {
  readonly #gpu: GPUDevice;
  readonly #openHelper: () => Promise<Device>;
  #waiting: Job[] = [];
  #isRunning = false;

  /** Pipelines of `gpu`, with the help of a device of the same adapter. */
  constructor(gpu: GPUDevice, openHelper: () => Promise<Device>) {
    this.#gpu = gpu;
    this.#openHelper = openHelper;
  }

  /** Resolves when the machine code of a pipeline is there. */
  add(kernel: Kernel, pipeline: GPUComputePipeline): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ kernel, pipeline, resolve, reject });
    if (!this.#isRunning) void this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    let helping: Promise<void> | undefined;
    {
      using dryRun = new DryRun(this.#gpu);
      while (this.#waiting.length > 0) {
        const { kernel, pipeline, resolve, reject } = this.#waiting.shift()!;
        const began = performance.now();
        await dryRun.start(kernel, pipeline).then(resolve, reject);
        const isSlow = performance.now() - began > CACHED;
        if (isSlow && this.#waiting.length >= WORTHWHILE) helping ??= this.#help();
        if (this.#waiting.length === 0) await helping;
      }
    }
    this.#isRunning = false;
  }

  /** Compiles on another device from the end, then gives all of it back to be taken from the driver's cache. */
  async #help(): Promise<void> {
    const helped: Job[] = [];
    try {
      using helper = await this.#openHelper();
      using dryRun = new DryRun(helper.gpu);
      for (let job = this.#waiting.pop(); job; job = this.#waiting.pop()) {
        helped.push(job);
        await dryRun.start(job.kernel, await helper.pipeline(job.kernel));
      }
    } catch {
      // What stands in the way here does so there, too, where it is reported.
    }
    this.#waiting.push(...helped);
  }
}
