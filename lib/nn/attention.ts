import { fusedAttention, fusedAttentionGrad } from "../ops/attention.ts";
import type { AttentionOptions } from "../ops/attention_by_parts.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { makeGroup } from "../transform/custom_vjp.ts";

export type { AttentionOptions };

/**
 * Scaled dot-product attention (1706.03762), softmax(q kᵀ / √d) v: q `[B, H, T, d]`, k and v `[B, H, S, d]` →
 * `[B, H, T, d]`. The scores are never kept (2205.14135): one kernel forward saves two numbers of each row, and the
 * backward pass makes the weights again from them, those of 256 keys at a time. q, k and v are read where they lie, and
 * results lie as `[B, T, H, d]`, so that heads are split and joined without a copy.
 *
 * Throws a RangeError where shapes do not fit or the rate is not in [0, 1).
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const { mask, causal, dropout, key } = options;
  const { output, saved } = fusedAttention(q, k, v, options);
  // What is saved and drawn is named as a source, so that a checkpoint makes it again.
  const sources = [q, k, v, saved, ...mask ? [mask] : [], ...key ? [key] : []];
  const [result] = makeGroup(
    [output],
    sources,
    ([cotangent], [q, k, v, saved, ...others]) =>
      fusedAttentionGrad({ q, k, v, saved, cotangent: cotangent! }, {
        mask: mask && others[0],
        causal,
        dropout,
        key: key && others[mask ? 1 : 0],
      }),
  );
  return result;
}
