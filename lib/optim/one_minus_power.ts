import { sub, where } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Below this the series is used: its first term left out is under 2⁻²⁴ of the sum. */
const SERIES_LIMIT = 0.5;
const SERIES_TERMS = 9;

/**
 * 1 − baseᵗ for a base in [0, 1) and t ≥ 1, to f32's last digits also where the power is near 1. Subtracting a power in
 * f32 from 1 would lose them there: WGSL allows an error of 3·10⁻⁴ for 1 − 0.999ᵗ, another one on every device.
 */
export function oneMinusPower(base: number, t: Tensor): Tensor {
  // −t·log(base) with the logarithm in float64; 10⁴ stands for infinity, as its power is 0 as well.
  const x = t.mul(Math.min(-Math.log(base), 1e4));
  let series: Tensor | number = 1;
  for (let k = SERIES_TERMS; k >= 2; k--) series = sub(1, x.mul(1 / k).mul(series));
  return where(x.greater(SERIES_LIMIT), sub(1, x.neg().exp()), x.mul(series));
}
