import { checkPair, type Numbers } from "./check_pair.ts";

/**
 * Matthews correlation of predicted and true classes, −1 to 1, of any number of classes (Gorodkin's R_K, as
 * scikit-learn's `matthews_corrcoef`). It is CoLA's metric in GLUE.
 *
 * It is 0 where every prediction, or every label, is the same class, as the quotient is 0 / 0 there. Throws a
 * RangeError where the lengths differ or nothing was predicted.
 *
 * @example
 * ```ts
 * import { metrics } from "@delta-dawn/delta-lora";
 *
 * console.log(metrics.matthewsCorrelation([1, 0, 1, 0], [1, 0, 1, 0])); // 1
 * console.log(metrics.matthewsCorrelation([1, 1, 1, 1], [1, 0, 1, 0])); // 0
 * ```
 */
export function matthewsCorrelation(predictions: Numbers, labels: Numbers): number {
  checkPair("the Matthews correlation", predictions, labels);
  const count = labels.length;
  const predicted = new Map<number, number>();
  const actual = new Map<number, number>();
  let hits = 0;
  for (let i = 0; i < count; i++) {
    predicted.set(predictions[i], (predicted.get(predictions[i]) ?? 0) + 1);
    actual.set(labels[i], (actual.get(labels[i]) ?? 0) + 1);
    if (predictions[i] === labels[i]) hits++;
  }
  let cross = 0;
  for (const [label, times] of predicted) cross += times * (actual.get(label) ?? 0);
  const spreadOfPredictions = count * count - sumOfSquares(predicted);
  const spreadOfLabels = count * count - sumOfSquares(actual);
  if (spreadOfPredictions === 0 || spreadOfLabels === 0) return 0;
  return (hits * count - cross) / Math.sqrt(spreadOfPredictions * spreadOfLabels);
}

function sumOfSquares(counts: ReadonlyMap<number, number>): number {
  let sum = 0;
  for (const times of counts.values()) sum += times * times;
  return sum;
}
