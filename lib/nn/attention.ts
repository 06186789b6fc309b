import { add, arange, cast, expandDims, greaterEqual, matmul, mul, softmax, sub, where } from "../ops/mod.ts";
import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { dropout } from "./dropout.ts";

/** What masked scores get: finite, so that a row that is masked whole stays finite. */
const MASKED = -1e30;

/** Options of {@linkcode attention}. */
export interface AttentionOptions {
  /** i32 `[B, S]`: 1 for keys to attend to, 0 for padding. */
  readonly mask?: Tensor;
  /** Whether position t sees only positions up to t. */
  readonly causal?: boolean;
  /** Dropout of the weights, where a key is given. */
  readonly dropout?: number;
  readonly key?: Key;
}

/**
 * Scaled dot-product attention (1706.03762), softmax(q kᵀ / √d) v: q `[B, H, T, d]`, k and v `[B, H, S, d]` →
 * `[B, H, T, d]`.
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const { mask, causal = false, dropout: rate = 0, key } = options;
  const [T, S, d] = [q.shape[2], k.shape[2], q.shape[3]];
  let scores = mul(matmul(q, k, { transposeB: true }), 1 / Math.sqrt(d));
  if (mask) {
    const penalty = mul(sub(1, cast(mask, "f32")), MASKED);
    scores = add(scores, expandDims(expandDims(penalty, 1), 1));
  }
  if (causal) {
    // With a cache of earlier keys, the last query stands at the last key.
    const seen = greaterEqual(expandDims(add(arange(T), S - T), 1), expandDims(arange(S), 0));
    scores = where(seen, scores, MASKED);
  }
  return matmul(dropout(softmax(scores), { rate, key }), v);
}
