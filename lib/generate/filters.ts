import { cumulativeSum } from "../ops/cumulative_sum.ts";
import { max } from "../ops/reduce.ts";
import { slice } from "../ops/slice.ts";
import { softmax } from "../ops/softmax.ts";
import { sort, topK } from "../ops/sort.ts";
import { takeAlong } from "../ops/take_along.ts";
import { where } from "../ops/where.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Keeps the `k` most likely tokens of each row of logits f32 `[R, V]`, and those that are as likely as the last of them;
 * the logits of all others become −∞. All are kept where there are no more than `k`.
 *
 * @see [TopKLogitsWarper](https://huggingface.co/docs/transformers/internal/generation_utils)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.generate.keepTopK(dd.tensor([[1, 3, 2]]), 2).data()); // Float32Array [-Infinity, 3, 2]
 * ```
 */
export function keepTopK(logits: Tensor, k: number): Tensor {
  const [rows, vocabulary] = logits.shape;
  if (k >= vocabulary) return logits;
  const [largest] = topK(logits, k);
  return where(logits.less(slice(largest, { start: [0, k - 1], size: [rows, 1] })), -Infinity, logits);
}

/**
 * Keeps the fewest most likely tokens of each row of logits f32 `[R, V]` whose probabilities add up to `p`, the nucleus of
 * [Holtzman et al. 2020](https://arxiv.org/abs/1904.09751), and those that are as likely as the last of them; the logits
 * of all others become −∞. At least one token is kept.
 *
 * @see [TopPLogitsWarper](https://huggingface.co/docs/transformers/internal/generation_utils)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const logits = dd.tensor([[0.5, 0.2, 0.3]]).log();
 * console.log(await dd.softmax(dd.generate.keepTopP(logits, 0.75)).data()); // ≈ Float32Array [0.625, 0, 0.375]
 * ```
 */
export function keepTopP(logits: Tensor, p: number): Tensor {
  const sorted = sort(logits, { descending: true });
  // Each with all that are less likely: small numbers are summed first.
  const tails = cumulativeSum(softmax(sorted), { reverse: true });
  const kept = tails.greater(1 - p).sum({ axis: 1, keepDims: true });
  const last = takeAlong(sorted, kept.sub(1).clip({ min: 0 }), { axis: 1 });
  return where(logits.less(last), -Infinity, logits);
}

/**
 * Keeps the tokens of each row of logits f32 `[R, V]` that are at least `p` times as likely as its most likely one
 * ([Nguyen et al. 2024](https://arxiv.org/abs/2407.01082)); the logits of all others become −∞.
 *
 * @see [MinPLogitsWarper](https://huggingface.co/docs/transformers/internal/generation_utils)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const logits = dd.tensor([[0.6, 0.1, 0.3]]).log();
 * console.log(await dd.softmax(dd.generate.keepMinP(logits, 0.4)).data()); // ≈ Float32Array [0.667, 0, 0.333]
 * ```
 */
export function keepMinP(logits: Tensor, p: number): Tensor {
  const least = max(logits, { axis: 1, keepDims: true }).add(Math.log(p));
  return where(logits.less(least), -Infinity, logits);
}
