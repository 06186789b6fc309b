import { MASKED } from "../../kernels/attention.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { arange } from "./arange.ts";
import { sub } from "./arithmetic.ts";
import { broadcastTo } from "./broadcast.ts";
import { bernoulli, type Key } from "./random.ts";
import { where } from "./where.ts";

/** Options of {@linkcode attention}. */
export interface AttentionOptions {
  /**
   * Which keys are attended to, as bool or as 1 for a token and 0 for padding: `[B, S]` for all queries, `[B, T, S]` for
   * each query, `[B, H, T, S]` for each head's; all but the keys' axis may be 1. All of them by default. A query that sees
   * none attends to all equally.
   */
  readonly mask?: Tensor;
  /** What is added to the scores, f32 of any shape that stretches to `[B, H, T, S]`: distances, say. None by default. */
  readonly bias?: Tensor;
  /**
   * Whether position t sees only positions up to t, false by default; with more keys than queries, the last query
   * stands at the last key.
   */
  readonly causal?: boolean;
  /**
   * Which keys a query sees as a range, i32 `[B, T, 2]`: the first one, and the one past the last. It says at once what
   * padding, causality, texts packed one behind the other and a cache that is not full leave of the keys. All of them by
   * default; a query whose range is empty gets zeros.
   */
  readonly spans?: Tensor;
  /** Probability, in [0, 1), with which a weight is set to zero where a key is given; 0 by default. */
  readonly dropout?: number;
  /** What dropout draws from; without it, nothing is dropped. */
  readonly key?: Key;
}

/** Which keys a query sees, bool `[T, S]`, where causality says so. */
export function seenKeys(T: number, S: number): Tensor {
  return arange(T).add(S - T).expandDims(1).greaterEqual(arange(S).expandDims(0));
}

/** A mask with the axes of scores: `[B, S]`, `[B, T, S]` or `[B, H, T, S]`. */
export function ofScores(mask: Tensor): Tensor {
  return mask.rank === 2 ? mask.expandDims(1).expandDims(1) : mask.rank === 3 ? mask.expandDims(1) : mask;
}

/** The score of what lies outside of a range: less than that of what is masked. */
const UNSEEN = -3e38;

/** Which keys lie in the ranges of their queries, bool `[B, 1, T, S]`. */
function inSpans(spans: Tensor, S: number): Tensor {
  const [first, end] = [0, 1].map((index) => spans.at(index, { axis: 2 }).expandDims(1).expandDims(3));
  return arange(S).greaterEqual(first).logicalAnd(arange(S).less(end));
}

/** The keys or values of each head `[B, H, S, d]` where heads share them in groups: `[B, G, S, d]`. */
export function ofEachHead(x: Tensor, heads: number): Tensor {
  const [B, groups, S, d] = x.shape;
  if (groups === heads) return x;
  return broadcastTo(x.expandDims(2), [B, groups, heads / groups, S, d]).reshape([B, heads, S, d]);
}

/** The opposite for derivatives: those of heads `[B, H, S, d]` that share one of G are summed, `[B, G, S, d]`. */
export function ofSharedHeads(x: Tensor, groups: number): Tensor {
  const [B, heads, S, d] = x.shape;
  return groups === heads ? x : x.reshape([B, groups, heads / groups, S, d]).sum({ axis: 2 });
}

/** Weights of attention before dropout, `[B, H, T, S]`. */
export function attentionWeights(q: Tensor, keys: Tensor, options: AttentionOptions): Tensor {
  const { mask, bias, causal = false, spans } = options;
  const k = ofEachHead(keys, q.shape[1]);
  let scores = q.matmul(k, { transposeB: true }).mul(1 / Math.sqrt(q.shape[3]));
  if (bias) scores = scores.add(bias);
  if (mask) {
    const penalty = sub(1, mask.astype("f32")).mul(MASKED);
    scores = scores.add(ofScores(penalty));
  }
  const [T, S] = [q.shape[2], k.shape[2]];
  if (!spans) return (causal ? where(seenKeys(T, S), scores, MASKED) : scores).softmax();
  const isSeen = causal ? inSpans(spans, S).logicalAnd(seenKeys(T, S)) : inSpans(spans, S);
  return where(isSeen, where(isSeen, scores, UNSEEN).softmax(), 0);
}

/** Weights, or derivatives by what became of them, after dropout. */
export function dropWeights(weights: Tensor, { dropout: rate = 0, key }: AttentionOptions): Tensor {
  if (key === undefined || rate === 0) return weights;
  return where(bernoulli(key, 1 - rate, weights.shape), weights.mul(1 / (1 - rate)), 0);
}

/** Attention written in other operations, with all scores in memory: what {@linkcode attention} equals but for rounding. */
export function attentionByParts(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  return dropWeights(attentionWeights(q, k, options), options).matmul(ofEachHead(v, q.shape[1]));
}
