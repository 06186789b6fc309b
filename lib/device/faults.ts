import { paced } from "./settle.ts";

/**
 * What WebGPU reports of a device after the fact (validation, out of memory, loss): kept for whoever waits next, so that
 * none is swallowed.
 */
export class Faults {
  readonly #found: Error[] = [];
  readonly #waiting = new Set<(reason: Error) => void>();
  #end: Error | undefined;

  /** Listens to a device; `onOutOfMemory` hears of memory that was not there. */
  constructor(gpu: GPUDevice, name: string, onOutOfMemory: () => void) {
    // Throwing inside this event aborts the process: collect, and let the next wait reject.
    gpu.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      const { error } = event;
      // Dawn adds where in its own source the fault arose, which tells users nothing.
      const message = error.message.replaceAll(/^ +at .*$/gm, "").trim();
      if (error.constructor.name !== "GPUOutOfMemoryError") this.#found.push(new Error(`WebGPU: ${message}`));
      else {
        onOutOfMemory();
        const cure = "use smaller batches, dispose of tensors, or take another device";
        this.#found.push(new Error(`out of memory on ${name}: ${cure}\n${message}`));
      }
    });
    gpu.lost.then(({ reason, message }) => {
      this.finish(new Error(`the device was lost (${reason}): ${message || "no reason given"}; open a new one`));
      // Not Promise.race with one promise for all: each wait would stay registered there for good.
      for (const reject of this.#waiting) reject(this.#end!);
    });
  }

  /** Why nothing can be done any more. */
  get end(): Error | undefined {
    return this.#end;
  }

  /** Ends everything; the first reason holds. */
  finish(reason: Error): void {
    this.#end ??= reason;
  }

  /** Takes the oldest fault that nobody has heard of. */
  take(): Error | undefined {
    return this.#found.shift() ?? this.#end;
  }

  /** Waits for a promise of WebGPU's, or until the device is gone. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => {}); // heard of below, or less telling than the end of the device
    if (this.#end) throw this.#end;
    const { promise: result, resolve, reject } = Promise.withResolvers<T>();
    promise.then(resolve, (reason) => reject(this.#end ?? reason));
    this.#waiting.add(reject);
    try {
      return await paced(result);
    } finally {
      this.#waiting.delete(reject);
    }
  }
}
