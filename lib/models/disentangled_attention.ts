import { where } from "../ops/mod.ts";
import type { Key } from "../ops/random.ts";
import { dropout } from "../nn/dropout.ts";
import { type Tensor, tensor } from "../tensor/mod.ts";

/** What forbidden scores get: the same everywhere, so that a row that is masked whole attends to all alike. */
const MASKED = -1e30;

/** How distances between tokens become rows of a table. */
export interface RelativePositions {
  /** Rows for one direction; the table has twice as many. */
  readonly span: number;
  /** Buckets for one direction: distances beyond half of them share buckets by their logarithm; 0 for none. */
  readonly buckets: number;
  /** Distance at which buckets end. */
  readonly longest: number;
}

/** The row for a query that stands `distance` after its key, in f32 the way PyTorch counts it. */
export function rowOfDistance(distance: number, { span, buckets, longest }: RelativePositions): number {
  let bucket = distance;
  const middle = Math.floor(buckets / 2);
  const far = Math.abs(distance);
  if (buckets > 0 && far > middle) {
    const log = (x: number) => Math.fround(Math.log(Math.fround(x)));
    const share = Math.fround(log(far / middle) / log((longest - 1) / middle));
    bucket = Math.sign(distance) * (Math.ceil(Math.fround(share * (middle - 1))) + middle);
  }
  return Math.min(Math.max(bucket + span, 0), 2 * span - 1);
}

/**
 * Rows of the table for `count` distances, one a step from `first` on: i32 `[count]`.
 */
export function distanceRows(first: number, step: 1 | -1, count: number, positions: RelativePositions): Tensor {
  return tensor(Int32Array.from({ length: count }, (_, i) => rowOfDistance(first + step * i, positions)));
}

/**
 * Moves row i of `[..., m, m + n]` left by m − 1 − i and keeps n columns: what stands in column j is
 * then the entry j − i + m − 1. Costs nothing.
 */
export function skew(x: Tensor, n: number): Tensor {
  const m = x.shape[x.rank - 2];
  const outer = x.shape.slice(0, -2);
  const flat = x.reshape([...outer, m * (m + n)]);
  const zeros = outer.map(() => 0);
  const shifted = flat.slice({ start: [...zeros, m - 1], size: [...outer, m * (m + n - 1)] });
  const rows = shifted.reshape([...outer, m, m + n - 1]);
  return rows.slice({ start: [...zeros, 0, 0], size: [...outer, m, n] });
}

/** Options of {@linkcode disentangledAttention}. */
export interface DisentangledOptions {
  /** i32 `[B, T]`: 1 for tokens, 0 for padding, which neither attends nor is attended to. */
  readonly mask: Tensor;
  /** `[1, H, Tq + T, d]`: keys of the distances Tq − 1, Tq − 2, … between query and key. */
  readonly positionKeys?: Tensor;
  /** `[1, H, T + Tq, d]`: queries of the distances 1 − T, 2 − T, … between query and key. */
  readonly positionQueries?: Tensor;
  /** Dropout of the weights, where a key is given. */
  readonly dropout: number;
  readonly key?: Key;
}

/**
 * Attention by contents and distances (2006.03654, equation 4): the softmax of
 * (q·k + q·positionKeys + k·positionQueries) / √(d · terms) over keys, times v; q `[B, H, Tq, d]` of the first Tq
 * tokens, k and v `[B, H, T, d]` → `[B, H, Tq, d]`.
 */
export function disentangledAttention(q: Tensor, k: Tensor, v: Tensor, options: DisentangledOptions): Tensor {
  const { mask, positionKeys, positionQueries, dropout: rate, key } = options;
  const [Tq, T, d] = [q.shape[2], k.shape[2], q.shape[3]];
  const terms = 1 + Number(positionKeys !== undefined) + Number(positionQueries !== undefined);
  let scores = q.matmul(k, { transposeB: true });
  if (positionKeys) scores = scores.add(skew(q.matmul(positionKeys, { transposeB: true }), T));
  if (positionQueries) {
    const ofKeys = skew(k.matmul(positionQueries, { transposeB: true }), Tq);
    scores = scores.add(ofKeys.transpose([0, 1, 3, 2]));
  }
  const isToken = mask.notEqual(0);
  const attends = isToken.slice({ start: [0, 0], size: [-1, Tq] });
  const isSeen = attends.expandDims(2).logicalAnd(isToken.expandDims(1)).expandDims(1);
  const weights = where(isSeen, scores.mul(1 / Math.sqrt(d * terms)), MASKED).softmax();
  return dropout(weights, { rate, key }).matmul(v);
}
