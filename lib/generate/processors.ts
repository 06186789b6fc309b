import { arange } from "../ops/arange.ts";
import { greaterEqual, less, logicalAnd } from "../ops/compare.ts";
import { any } from "../ops/any_all.ts";
import { zeros } from "../ops/full.ts";
import { cast } from "../ops/cast.ts";
import { expandDims } from "../ops/reshape.ts";
import { slice, stack } from "../ops/slice.ts";
import { scatterAdd, takeAlong } from "../ops/take_along.ts";
import { where } from "../ops/where.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Written } from "./written.ts";

/** Which of a vocabulary's tokens stand at chosen slots: tokens i32 and chosen bool `[R, N]` give bool `[R, V]`. */
function tokensAt(tokens: Tensor, chosen: Tensor, vocabulary: number): Tensor {
  const none = zeros([tokens.shape[0], vocabulary], { dtype: "i32" });
  // Where nothing is chosen, an index outside of the vocabulary adds nothing.
  const places = where(chosen, tokens, -1);
  return scatterAdd(none, places, cast(chosen, "i32"), { axis: 1 }).greater(0);
}

/** Which of a vocabulary's tokens a list names, bool `[V]`. */
function named(tokens: readonly number[], vocabulary: number): Tensor {
  const ids = arange(vocabulary);
  return tokens.length === 1 ? ids.equal(tokens[0]) : any(stack(tokens.map((token) => ids.equal(token))), { axis: 0 });
}

/**
 * Makes tokens that a row has already, in its prompt or its text, less likely: their logits f32 `[R, V]` are divided by
 * the penalty where they are positive, and multiplied by it where they are negative, as in
 * [CTRL](https://arxiv.org/abs/1909.05858). Padding does not count.
 *
 * @see [RepetitionPenaltyLogitsProcessor](https://huggingface.co/docs/transformers/internal/generation_utils)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const whole = (data: number[]) => dd.tensor(data, { dtype: "i32" });
 * const written = { tokens: whole([1, 2]).reshape([1, 2]), first: whole([0]), length: whole([2]) };
 * const logits = dd.generate.penalizeRepetition(dd.tensor([[1, 2, -1]]), written, 2);
 * console.log(await logits.data()); // Float32Array [1, 1, -2]
 * ```
 */
export function penalizeRepetition(logits: Tensor, written: Written, penalty: number): Tensor {
  const { tokens, first, length } = written;
  const slots = arange(tokens.shape[1]);
  const own = logicalAnd(greaterEqual(slots, expandDims(first, 1)), less(slots, expandDims(length, 1)));
  const penalized = where(logits.less(0), logits.mul(penalty), logits.div(penalty));
  return where(tokensAt(tokens, own, logits.shape[1]), penalized, logits);
}

/**
 * Forbids what would write a sequence of `n` tokens that stands in its row already, prompt included: the logit of each
 * token that followed an earlier occurrence of the last `n − 1` tokens becomes −∞. Padding does not count.
 *
 * @see [NoRepeatNGramLogitsProcessor](https://huggingface.co/docs/transformers/internal/generation_utils)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const whole = (data: number[]) => dd.tensor(data, { dtype: "i32" });
 * const written = { tokens: whole([0, 2, 0]).reshape([1, 3]), first: whole([0]), length: whole([3]) };
 * const logits = dd.generate.forbidRepeats(dd.tensor([[1, 1, 1]]), written, 2);
 * console.log(await logits.data()); // Float32Array [1, 1, -Infinity]
 * ```
 */
export function forbidRepeats(logits: Tensor, written: Written, n: number): Tensor {
  const { tokens, first, length } = written;
  const [rows, slots] = tokens.shape;
  if (n > slots) return logits;
  const windows = slots - n + 1;
  const part = (from: number) => slice(tokens, { start: [0, from], size: [rows, windows] });
  const begins = arange(windows);
  const [from, to] = [expandDims(first, 1), expandDims(length, 1)];
  const own = logicalAnd(greaterEqual(begins, from), less(begins.add(n - 1), to));
  const suffixIsOwn = greaterEqual(to.sub(n - 1), from);
  let repeats = logicalAnd(own, suffixIsOwn);
  for (let i = 0; i < n - 1; i++) {
    const last = takeAlong(tokens, to.add(i - (n - 1)), { axis: 1 });
    repeats = logicalAnd(repeats, part(i).equal(last));
  }
  return where(tokensAt(part(n - 1), repeats, logits.shape[1]), -Infinity, logits);
}

/**
 * Forbids tokens where a condition holds, bool that broadcasts to logits f32 `[R, V]`: their logits become −∞. A least
 * length is such a condition for the tokens that end a text.
 *
 * @see [MinLengthLogitsProcessor](https://huggingface.co/docs/transformers/internal/generation_utils)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const isShort = dd.tensor([[1], [0]], { dtype: "bool" });
 * const logits = dd.generate.forbidTokens(dd.zeros([2, 3]), [1], isShort);
 * console.log(await logits.data()); // Float32Array [0, -Infinity, 0, 0, 0, 0]
 * ```
 */
export function forbidTokens(logits: Tensor, tokens: readonly number[], condition: Tensor): Tensor {
  return where(logicalAnd(named(tokens, logits.shape[1]), condition), -Infinity, logits);
}

/**
 * Allows one token alone where a condition holds, bool that broadcasts to logits f32 `[R, V]`: its logit becomes 0, those
 * of all others −∞. BART's first token and its last one are forced so.
 *
 * @see [ForcedBOSTokenLogitsProcessor](https://huggingface.co/docs/transformers/internal/generation_utils)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const isFirst = dd.tensor([[1], [0]], { dtype: "bool" });
 * const logits = dd.generate.forceToken(dd.ones([2, 2]), 1, isFirst);
 * console.log(await logits.data()); // Float32Array [-Infinity, 0, 1, 1]
 * ```
 */
export function forceToken(logits: Tensor, token: number, condition: Tensor): Tensor {
  return where(condition, where(named([token], logits.shape[1]), 0, -Infinity), logits);
}
