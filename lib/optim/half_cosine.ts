import { sub, where } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Of the series of sin(πx/2): the first term left out is under 2⁻²⁷ for x up to 1/2. */
const SERIES_TERMS = 5;

/** sin(πx/2) by its series, for x from 0 to 1/2. */
function sineOfQuarter(x: Tensor): Tensor {
  const square = x.mul(x).mul((Math.PI / 2) ** 2);
  let series: Tensor | number = 1;
  for (let k = SERIES_TERMS - 1; k >= 1; k--) series = sub(1, square.mul(1 / (2 * k * (2 * k + 1))).mul(series));
  return x.mul(Math.PI / 2).mul(series);
}

/**
 * (1 + cos πt) / 2 for t in [0, 1], to f32's last digits, and exactly 1 and 0 at the ends. WGSL allows cos() an error of
 * 5·10⁻⁴, another one on every device: schedules would differ, and end beside 0.
 */
export function halfCosine(t: Tensor): Tensor {
  const sine = sineOfQuarter(t.minimum(sub(1, t)));
  const square = sine.mul(sine);
  return where(t.less(0.5), sub(1, square), square);
}
