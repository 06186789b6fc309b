import type { Tensor } from "./tensor.ts";

/** Names of the methods of a tensor that are operations, which make other tensors of it. */
export type OperationName = {
  [Name in keyof Tensor]: Tensor[Name] extends (...args: never[]) => Tensor | Tensor[] ? Name : never;
}[keyof Tensor];

/** For each such method the function that it stands for, whose first argument is the tensor. */
export type TensorOperations = {
  readonly [Name in OperationName]: (x: Tensor, ...args: Parameters<Tensor[Name]>) => ReturnType<Tensor[Name]>;
};

let installed: TensorOperations | undefined;

/** Supplies what the methods of tensors call: `lib/ops` does as it is loaded, so that `lib/tensor` needs nothing above it. */
export function installOperations(operations: TensorOperations): void {
  installed = operations;
}

/** What the methods of tensors call. Throws an Error where no operations were loaded. */
export function operations(): TensorOperations {
  if (installed) return installed;
  throw new Error("Cannot call a tensor's methods as no operations are loaded: import mod.ts, or lib/ops/mod.ts");
}
