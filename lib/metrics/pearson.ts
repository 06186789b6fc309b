import { checkPair, type Numbers } from "./check_pair.ts";

/**
 * Pearson's correlation of predicted and true values, −1 to 1, in two passes, like SciPy's `pearsonr`.
 *
 * It is 0 where SciPy gives NaN: where predictions or labels are all the same value, or one of them is not finite, so
 * that a regression that failed shows as 0 in a table and in means over runs. Throws a RangeError where the lengths
 * differ or nothing was predicted.
 *
 * @example
 * ```ts
 * import { metrics } from "@delta-dawn/delta-lora";
 *
 * console.log(metrics.pearson([1, 2, 3], [2, 4, 6])); // 1
 * console.log(metrics.pearson([1, 1, 1], [2, 4, 6])); // 0
 * ```
 */
export function pearson(predictions: Numbers, labels: Numbers): number {
  checkPair("Pearson's correlation", predictions, labels);
  if (isConstant(predictions) || isConstant(labels)) return 0;
  const x = deviations(predictions);
  const y = deviations(labels);
  let product = 0;
  let squaredPredictions = 0;
  let squaredLabels = 0;
  for (let i = 0; i < x.length; i++) {
    product += x[i] * y[i];
    squaredPredictions += x[i] * x[i];
    squaredLabels += y[i] * y[i];
  }
  const correlation = product / Math.sqrt(squaredPredictions * squaredLabels);
  return Number.isFinite(correlation) ? Math.max(-1, Math.min(1, correlation)) : 0;
}

/** Asked of the values themselves: rounding of the mean would leave a constant list a spread above zero. */
function isConstant(values: Numbers): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false;
  return true;
}

/** Distances from the mean, scaled to at most 1, so that squares of tiny or huge values stay numbers. */
function deviations(values: Numbers): Float64Array {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  const mean = sum / values.length;
  const result = Float64Array.from({ length: values.length }, (_, i) => values[i] - mean);
  let greatest = 0;
  for (const value of result) greatest = Math.max(greatest, Math.abs(value));
  for (let i = 0; i < result.length; i++) result[i] /= greatest;
  return result;
}
