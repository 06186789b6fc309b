import type { DType } from "../tensor/dtype.ts";
import { requireCount } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cast } from "./cast.ts";
import { equal } from "./compare.ts";
import { requireDType } from "./elementwise.ts";
import { apply, type Primitive } from "./primitive.ts";
import { expandDims } from "./reshape.ts";

/** 0, 1, 2 … */
export const arangePrimitive: Primitive<{ readonly count: number; readonly dtype: DType }> = {
  name: "arange",
  infer: (_, { count, dtype }) => ({ shape: [count], dtype }),
  lowering: { kind: "map", expression: (_, { index, output, type }) => `${type(output)}(${index})` },
  reference: (_, { count }) => Float64Array.from({ length: count }, (_, i) => i),
  vjp: () => [],
};

/**
 * Makes the numbers from 0 to `count − 1` as a tensor of shape `[count]`, i32 by default.
 *
 * Throws a RangeError where `count` is no whole number from 0, and a TypeError for f16.
 *
 * @see [jax.numpy.arange](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.arange.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.arange(3).data()); // Int32Array [0, 1, 2]
 * console.log(await dd.arange(3, { dtype: "f32" }).mul(0.5).data()); // Float32Array [0, 0.5, 1]
 * ```
 */
export function arange(count: number, options: { readonly dtype?: DType } = {}): Tensor {
  return apply(arangePrimitive, [], { count, dtype: options.dtype ?? "i32" });
}

/**
 * Makes a row of zeros with a one at the id for each of the ids, i32 or u32: `[...] → [..., depth]`, in f32. An id
 * below 0, or from `depth` on, has a row of zeros.
 *
 * Throws a TypeError where the ids are of another dtype, and a RangeError where `depth` is no whole number from 0.
 *
 * @see [jax.nn.one_hot](https://docs.jax.dev/en/latest/_autosummary/jax.nn.one_hot.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.oneHot(dd.tensor([1, 7], { dtype: "i32" }), 3).data()); // Float32Array [0, 1, 0, 0, 0, 0]
 * ```
 */
export function oneHot(ids: Tensor, depth: number): Tensor {
  requireDType("oneHot", ids, ["i32", "u32"]);
  requireCount("oneHot", "the depth", depth);
  return cast(equal(expandDims(ids, -1), arange(depth, { dtype: ids.dtype })), "f32");
}
