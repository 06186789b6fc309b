import type { ReduceOptions } from "../tensor/operation_options.ts";
import { normalizeAxes, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { add, sub } from "./arithmetic.ts";
import { isFinite } from "./compare.ts";
import { requireDType } from "./elementwise.ts";
import { exp, log } from "./exponential.ts";
import { full } from "./full.ts";
import { stopGradient } from "./identity.ts";
import { max, sum } from "./reduce.ts";
import { squeeze } from "./reshape.ts";
import { where } from "./where.ts";

/**
 * Computes the logarithm of the sum of the powers eˣ over axes, over all of them by default, without overflow: the
 * largest element is taken out before and added after. Of an empty axis it is −∞, and so it is of elements that all are.
 *
 * Throws a TypeError where `x` is not f32, and a RangeError where an axis does not exist.
 *
 * @see [jax.scipy.special.logsumexp](https://docs.jax.dev/en/latest/_autosummary/jax.scipy.special.logsumexp.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[0, 0], [1000, 1000]]);
 * console.log(await dd.logSumExp(x, { axis: 1 }).data()); // ≈ Float32Array [0.6931, 1000.6932]
 * ```
 */
export function logSumExp(x: Tensor, options: ReduceOptions = {}): Tensor {
  requireDType("logSumExp", x, ["f32"]);
  const { keepDims = false } = options;
  const axis = normalizeAxes(options.axis, x.rank, "logSumExp");
  const reduced = x.shape.map((size, a) => axis.includes(a) ? 1 : size);
  let result: Tensor;
  if (x.size === 0 && sizeOf(reduced) > 0) result = full(reduced, -Infinity);
  else {
    const top = stopGradient(max(x, { axis, keepDims: true }));
    // What is infinite or NaN stays in the powers, where it makes no difference of infinities.
    const shift = where(isFinite(top), top, 0);
    result = add(log(sum(exp(sub(x, shift)), { axis, keepDims: true })), shift);
  }
  return keepDims ? result : squeeze(result, axis);
}
