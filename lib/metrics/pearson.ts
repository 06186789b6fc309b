import { checkPair, type Numbers } from "./check_pair.ts";

/**
 * Pearson's correlation of predicted and true values, −1 to 1, by two passes in f64 (as SciPy's `pearsonr`).
 *
 * 0 where SciPy gives NaN: when predictions or labels are all the same value, and when one of them is not finite, so
 * that a regression that failed shows as 0 in a table and in means over runs. Throws a RangeError when the lengths
 * differ or nothing was predicted.
 *
 * @example
 * ```ts
 * import { pearson } from "@delta-dawn/delta-lora";
 *
 * console.assert(pearson([1, 2, 3], [2, 4, 6]) === 1);
 * console.assert(pearson([1, 1, 1], [2, 4, 6]) === 0);
 * ```
 */
export function pearson(predictions: Numbers, labels: Numbers): number {
  checkPair("Pearson's correlation", predictions, labels);
  if (isConstant(predictions) || isConstant(labels)) return 0;
  const meanOfPredictions = mean(predictions);
  const meanOfLabels = mean(labels);
  let product = 0;
  let squaredPredictions = 0;
  let squaredLabels = 0;
  for (let i = 0; i < labels.length; i++) {
    const x = predictions[i] - meanOfPredictions;
    const y = labels[i] - meanOfLabels;
    product += x * y;
    squaredPredictions += x * x;
    squaredLabels += y * y;
  }
  const correlation = product / (Math.sqrt(squaredPredictions) * Math.sqrt(squaredLabels));
  return Number.isFinite(correlation) ? Math.max(-1, Math.min(1, correlation)) : 0;
}

/** Asked of the values themselves: rounding of the mean would leave a constant list a spread above zero. */
function isConstant(values: Numbers): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false;
  return true;
}

function mean(values: Numbers): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}
