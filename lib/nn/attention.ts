import { checkAttention, fusedAttention, fusedAttentionGrad } from "../ops/attention.ts";
import { attentionByParts, type AttentionOptions } from "../ops/attention_by_parts.ts";
import { zeros } from "../ops/full.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { makeGroup } from "../transform/custom_vjp.ts";

export type { AttentionOptions };

/**
 * Scaled dot-product attention, softmax(q kᵀ / √d) v ([Attention Is All You Need](https://arxiv.org/abs/1706.03762)): q
 * `[B, H, T, d]`, k and v `[B, H, S, d]`, all f32, give f32 `[B, H, T, d]`, for B texts, H heads, T queries and S keys.
 * It is PyTorch's `scaled_dot_product_attention`, with masks and an additive bias of scores apart.
 *
 * The scores are never kept ([FlashAttention](https://arxiv.org/abs/2205.14135)): one kernel forward saves two numbers
 * of each row, and the backward pass makes the weights again from them, those of 256 keys at a time. q, k and v are
 * read where they lie, and results lie as `[B, T, H, d]`, so that heads are split and joined without a copy.
 *
 * Keys and values may have fewer heads, G of them, each of which H / G heads of queries share in turn
 * ([Ainslie et al. 2023](https://arxiv.org/abs/2305.13245)).
 *
 * Blocks of keys that causality or `spans` hide from some queries in a row are left out, so that NaN or an infinity in a
 * key that a query does not see may reach it or not. A mask for each query, a mask
 * beside `spans` and a bias are computed by other operations, with all scores in memory; derivatives go to the bias, too.
 *
 * Throws a RangeError where shapes do not fit or the rate of dropout is not in [0, 1), and a TypeError where a tensor
 * is not f32.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const [q, k] = [dd.ones([1, 1, 1, 4]), dd.ones([1, 1, 2, 4])];
 * const v = dd.tensor([[[[1, 1, 1, 1], [3, 3, 3, 3]]]]);
 * console.log(await dd.nn.attention(q, k, v).data()); // Float32Array [2, 2, 2, 2]
 * const mask = dd.tensor([[1, 0]], { dtype: "i32" });
 * console.log(await dd.nn.attention(q, k, v, { mask }).data()); // Float32Array [1, 1, 1, 1]
 * ```
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const { mask, bias, causal, dropout, key, spans } = options;
  if (bias || mask && (spans || mask.rank !== 2)) {
    checkAttention(q, k, v, options);
    return q.size === 0 || k.size === 0 ? zeros(q.shape) : attentionByParts(q, k, v, options);
  }
  const { output, saved } = fusedAttention(q, k, v, options);
  // What is saved and drawn is named as a source, so that a checkpoint makes it again.
  const sources = [q, k, v, saved, ...mask ? [mask] : [], ...spans ? [spans] : [], ...key ? [key] : []];
  const [result] = makeGroup(
    [output],
    sources,
    ([cotangent], [q, k, v, saved, ...others]) =>
      fusedAttentionGrad({ q, k, v, saved, cotangent: cotangent! }, {
        // There is a mask or ranges, or neither.
        mask: mask && others[0],
        spans: spans && others[0],
        causal,
        dropout,
        key: key && others[mask || spans ? 1 : 0],
      }),
  );
  return result;
}
