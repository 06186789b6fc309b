import type { ClipOptions } from "../tensor/operation_options.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { maximum, minimum } from "./arithmetic.ts";
import { promoteAll, requireDType } from "./elementwise.ts";

/**
 * Limits elements to what lies between `min` and `max`, each a number or a tensor that broadcasts, or left out: the
 * smaller of `max` and the larger of `x` and `min`, so that `max` wins where the two cross. NaN stays NaN. An element
 * that equals a bound shares its derivative with it by halves, as in {@linkcode maximum} and JAX; one outside has none.
 *
 * Throws a TypeError where neither bound is given, or where dtypes differ or are none of f32, i32 and u32, and a
 * RangeError where shapes do not broadcast.
 *
 * @see [jax.numpy.clip](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.clip.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([-3, 0.5, 7]);
 * console.log(await dd.clip(x, { min: -1, max: 1 }).data()); // Float32Array [-1, 0.5, 1]
 * console.log(await x.clip({ min: 0 }).data()); // Float32Array [0, 0.5, 7]
 * ```
 */
export function clip(x: Tensor, options: ClipOptions): Tensor {
  const { min, max } = options;
  if (min === undefined && max === undefined) throw new TypeError("clip: needs `min`, `max` or both");
  requireDType("clip", x, ["f32", "i32", "u32"]);
  const [given, ...bounds] = promoteAll("clip", [x, min, max].filter((operand) => operand !== undefined));
  const raised = min === undefined ? given : maximum(given, bounds[0]);
  return max === undefined ? raised : minimum(raised, bounds[bounds.length - 1]);
}
