import type { VarianceOptions } from "../tensor/operation_options.ts";
import { normalizeAxes, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { div, mul, square, sub } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { mean, sum } from "./reduce.ts";

/**
 * Computes the variance over axes, over all of them by default: the sum of the squared distances to the mean, divided by
 * their number less `correction`. That is 0 by default, as in JAX; 1 gives the unbiased estimate, PyTorch's default. The
 * result is f32 whatever the dtype, and NaN where nothing is left to divide by.
 *
 * Throws a RangeError where an axis does not exist, or where `correction` is not finite.
 *
 * @see [jax.numpy.var](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.var.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, 3], [2, 8]]);
 * console.log(await dd.variance(x, { axis: 1 }).data()); // Float32Array [1, 9]
 * console.log(await dd.variance(x, { axis: 1, correction: 1 }).data()); // Float32Array [2, 18]
 * ```
 */
export function variance(x: Tensor, options: VarianceOptions = {}): Tensor {
  const { keepDims, correction = 0 } = options;
  if (!Number.isFinite(correction)) {
    throw new RangeError(`variance: the correction is a finite number, not ${correction}`);
  }
  const axis = normalizeAxes(options.axis, x.rank, "variance");
  const floats = cast(x, "f32");
  const squares = sum(square(sub(floats, mean(floats, { axis, keepDims: true }))), { axis, keepDims });
  const count = sizeOf(axis.map((a) => x.shape[a]));
  // No compiler is asked what 0 / 0 is.
  return count > 0 && count > correction ? div(squares, count - correction) : mul(squares, NaN);
}
