import { checkPair, type Numbers } from "./check_pair.ts";
import { pearson } from "./pearson.ts";

/**
 * Spearman's rank correlation of predicted and true values, −1 to 1, like SciPy's `spearmanr`: Pearson's correlation of
 * their ranks, where equal values share the mean of their ranks.
 *
 * It is 0 where SciPy gives NaN: where predictions or labels are all the same value, or one of them is NaN. Throws a
 * RangeError where the lengths differ or nothing was predicted.
 *
 * @example
 * ```ts
 * import { metrics } from "@delta-dawn/delta-lora";
 *
 * console.log(metrics.spearman([1, 10, 100], [2, 3, 4])); // 1
 * ```
 */
export function spearman(predictions: Numbers, labels: Numbers): number {
  checkPair("Spearman's correlation", predictions, labels);
  const left = averageRanks(predictions);
  const right = averageRanks(labels);
  return left && right ? pearson(left, right) : 0;
}

/** Ranks from 1, ties by their mean; undefined when a value is NaN, which has no rank. */
function averageRanks(values: Numbers): Float64Array | undefined {
  const order = Array.from({ length: values.length }, (_, i) => i);
  if (order.some((i) => Number.isNaN(values[i]))) return undefined;
  order.sort((a, b) => values[a] < values[b] ? -1 : values[a] > values[b] ? 1 : 0);
  const ranks = new Float64Array(values.length);
  for (let start = 0, end = 0; start < order.length; start = end) {
    while (end < order.length && values[order[end]] === values[order[start]]) end++;
    for (let k = start; k < end; k++) ranks[order[k]] = (start + 1 + end) / 2;
  }
  return ranks;
}
