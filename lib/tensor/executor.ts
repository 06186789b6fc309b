import type { TypedArray } from "./dtype.ts";
import type { Tensor } from "./tensor.ts";

/** Memory on a device that one or more tensors share. */
export interface Storage {
  /** Gives up one share; the last one returns the memory. */
  release(): void;
  /** Takes one more share. */
  retain(): void;
}

/** What runs graphs: supplied from above, so that tensors need no device to be described. */
export interface Executor {
  /** Computes the given tensors, so that each has storage or host data afterwards. */
  evaluate(tensors: readonly Tensor[]): Promise<void>;
  /** The elements of a tensor that has storage. */
  read(tensor: Tensor, storage: Storage): Promise<TypedArray>;
}

let ambient: Executor | undefined;

/** Makes an executor the ambient default; `undefined` takes it away. */
export function setExecutor(executor: Executor | undefined): void {
  ambient = executor;
}

/** The ambient executor. Throws where no device was opened. */
export function currentExecutor(): Executor {
  if (!ambient) throw new Error("no device is open: call `await openDevice()` before asking for data");
  return ambient;
}

/** The ambient executor, if there is one. */
export function ambientExecutor(): Executor | undefined {
  return ambient;
}
