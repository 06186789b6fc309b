import type { TypedArray } from "./dtype.ts";
import type { Storage } from "./executor.ts";
import type { Tensor } from "./tensor.ts";

/** What a graph's node needs to say of its operation here; `lib/ops` knows the rest. */
export interface Operation {
  /** What messages call it. */
  readonly name: string;
}

/** Where a tensor's elements are, or what will make them. */
export type TensorState =
  | { readonly kind: "host"; readonly data: TypedArray; readonly storage?: Storage }
  | {
    readonly kind: "node";
    readonly operation: Operation;
    readonly inputs: readonly Tensor[];
    readonly params: unknown;
  }
  | { readonly kind: "device"; readonly storage: Storage }
  | { readonly kind: "arriving"; readonly data: Promise<TypedArray> }
  | { readonly kind: "argument"; readonly index: number }
  | { readonly kind: "gone"; readonly reason: string };
