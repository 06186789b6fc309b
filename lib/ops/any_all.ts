import type { ReduceOptions } from "../tensor/operation_options.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cast } from "./cast.ts";
import { notEqual } from "./compare.ts";
import { maxPrimitive, minPrimitive, reduce } from "./reduce.ts";

/**
 * Says, as bool, whether any element over axes is true, over all axes by default; of an empty axis none is. Numbers are
 * true unless they are 0, NaN included, as in {@linkcode cast}.
 *
 * Throws a RangeError where an axis does not exist.
 *
 * @see [jax.numpy.any](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.any.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, NaN], [3, 4]]);
 * console.log(await dd.any(dd.isNaN(x), { axis: 1 }).data()); // Uint32Array [1, 0]
 * ```
 */
export function any(x: Tensor, options: ReduceOptions = {}): Tensor {
  return notEqual(reduce(maxPrimitive, cast(x, "bool"), { ...options, ofNothing: 0, name: "any" }), 0);
}

/**
 * Says, as bool, whether all elements over axes are true, over all axes by default; of an empty axis all are. Numbers
 * are true unless they are 0, NaN included, as in {@linkcode cast}.
 *
 * Throws a RangeError where an axis does not exist.
 *
 * @see [jax.numpy.all](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.all.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, NaN], [3, 4]]);
 * console.log(await dd.all(dd.isFinite(x), { axis: 1 }).data()); // Uint32Array [0, 1]
 * ```
 */
export function all(x: Tensor, options: ReduceOptions = {}): Tensor {
  return notEqual(reduce(minPrimitive, cast(x, "bool"), { ...options, ofNothing: 1, name: "all" }), 0);
}
