import { checkBinary, checkPair, type Numbers } from "./check_pair.ts";

/**
 * F1 of class 1 among classes 0 and 1, 2·TP / (2·TP + FP + FN), from 0 to 1, as scikit-learn's `f1_score`. It is 0
 * where class 1 is neither predicted nor present.
 *
 * Throws a RangeError where the lengths differ, nothing was predicted, or a value is neither 0 nor 1.
 *
 * @example
 * ```ts
 * import { metrics } from "@delta-dawn/delta-lora";
 *
 * console.log(metrics.f1([1, 1, 0, 0], [1, 0, 1, 0])); // 0.5
 * ```
 */
export function f1(predictions: Numbers, labels: Numbers): number {
  checkPair("F1", predictions, labels);
  checkBinary("F1", "predictions", predictions);
  checkBinary("F1", "labels", labels);
  let both = 0;
  let either = 0;
  for (let i = 0; i < labels.length; i++) {
    both += predictions[i] * labels[i];
    either += predictions[i] + labels[i];
  }
  return either === 0 ? 0 : 2 * both / either;
}
