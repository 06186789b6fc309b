import { checkPair, type Numbers } from "./check_pair.ts";

/**
 * The share of predictions that equal their label, 0 to 1, as scikit-learn's `accuracy_score`.
 *
 * Throws a RangeError where the lengths differ or nothing was predicted.
 *
 * @example
 * ```ts
 * import { metrics } from "@delta-dawn/delta-lora";
 *
 * console.log(metrics.accuracy([0, 1, 2, 2], [0, 1, 2, 1])); // 0.75
 * ```
 */
export function accuracy(predictions: Numbers, labels: Numbers): number {
  checkPair("accuracy", predictions, labels);
  let hits = 0;
  for (let i = 0; i < labels.length; i++) if (predictions[i] === labels[i]) hits++;
  return hits / labels.length;
}
