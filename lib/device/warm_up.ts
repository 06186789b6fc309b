import type { Kernel } from "../../kernels/kernel.ts";
import type { Device } from "./device.ts";
import { DryRun } from "./dry_run.ts";

/** A driver that has a pipeline in its cache takes less milliseconds than this; compiling takes longer. */
const CACHED = 10;
/** When so many pipelines in a row were in the cache, all are taken to be. */
const PROBES = 4;
/** For fewer pipelines it does not pay to open a device. */
const WORTHWHILE = 8;

/** How long the driver took to make the machine code of a pipeline. */
export interface Compilation {
  /** Name of the kernel. */
  readonly name: string;
  /** Milliseconds until its first dispatch, of nothing, is done. */
  readonly milliseconds: number;
}

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
  #isStopped = false;
  #slowest: Compilation | undefined;

  /** Pipelines of `gpu`, with the help of a device of the same adapter. */
  constructor(gpu: GPUDevice, openHelper: () => Promise<Device>) {
    this.#gpu = gpu;
    this.#openHelper = openHelper;
  }

  /** The pipeline that took longest so far. */
  get slowest(): Compilation | undefined {
    return this.#slowest;
  }

  /** Resolves when the machine code of a pipeline is there. */
  add(kernel: Kernel, pipeline: GPUComputePipeline): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ kernel, pipeline, resolve, reject });
    if (!this.#isRunning) void this.#run();
    return promise;
  }

  /** Begins nothing more: the device is gone, and rejects whoever waits. */
  stop(): void {
    this.#isStopped = true;
    this.#waiting = [];
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    using dryRun = new DryRun(this.#gpu);
    let cached = 0;
    let helping: Promise<void> | undefined;
    while (this.#waiting.length > 0) {
      const { kernel, pipeline, resolve, reject } = this.#waiting.shift()!;
      const milliseconds = await this.#time(kernel, () => dryRun.start(kernel, pipeline).then(resolve, reject));
      if (helping) {
        if (this.#waiting.length === 0) await helping;
      } else if (milliseconds > CACHED) {
        cached = 0;
        if (this.#waiting.length >= WORTHWHILE) helping = this.#help();
      } else if (++cached >= PROBES) {
        for (const job of this.#waiting.splice(0)) job.resolve();
      }
    }
    this.#isRunning = false;
  }

  async #time({ name }: Kernel, run: () => Promise<void>): Promise<number> {
    const began = performance.now();
    await run();
    const milliseconds = performance.now() - began;
    if (!this.#slowest || milliseconds > this.#slowest.milliseconds) this.#slowest = { name, milliseconds };
    return milliseconds;
  }

  /** Compiles on another device from the end, then gives all of it back to be taken from the driver's cache. */
  async #help(): Promise<void> {
    const helped: Job[] = [];
    try {
      using helper = await this.#openHelper();
      using dryRun = new DryRun(helper.gpu);
      for (let job = this.#waiting.pop(); job; job = this.#waiting.pop()) {
        helped.push(job);
        const pipeline = await helper.pipeline(job.kernel);
        await this.#time(job.kernel, () => dryRun.start(job.kernel, pipeline));
      }
    } catch {
      // What stands in the way here does so there, too, where it is reported.
    }
    if (!this.#isStopped) this.#waiting.push(...helped);
  }
}
