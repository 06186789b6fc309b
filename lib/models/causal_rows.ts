import { arange, maximum, stack, sub, where } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { CausalBatch } from "./causal.ts";

/** Where the tokens of a causal batch stand, and what they see. */
export interface CausalRows {
  /** Place of each token in its text, i32 `[B, T]`. */
  readonly positions: Tensor;
  /** The first token that each one sees and the one past the last, i32 `[B, T, 2]`; padding sees none. */
  readonly spans: Tensor;
}

/** First token of each row, i32 `[B]`: as many as there is padding on the left. */
export function firstTokens(attentionMask: Tensor): Tensor {
  return attentionMask.astype("i32").cumulativeSum().equal(0).astype("i32").sum({ axis: 1 });
}

/** Last token of each row, i32 `[B]`; 0 where there is none. */
export function lastTokens(attentionMask: Tensor): Tensor {
  return attentionMask.astype("i32").mul(arange(attentionMask.shape[1])).max({ axis: 1 });
}

/** How many tokens of its own text stand before each one, i32 `[B, T]`. */
function placesInTexts({ attentionMask, segmentIds }: CausalBatch): Tensor {
  const places = arange(attentionMask.shape[1]);
  if (!segmentIds) return maximum(places.sub(firstTokens(attentionMask).expandDims(1)), 0);
  const isBefore = places.less(places.expandDims(1));
  const isOwn = segmentIds.expandDims(1).equal(segmentIds.expandDims(2)).logicalAnd(isBefore);
  return where(isOwn, attentionMask.astype("i32").expandDims(1), 0).sum({ axis: 2 });
}

/** Positions of tokens and the ranges that they see, from a batch's padding and packing. */
export function causalRows(batch: CausalBatch): CausalRows {
  const { attentionMask, positionIds } = batch;
  const places = placesInTexts(batch);
  const own = arange(attentionMask.shape[1]);
  const first = sub(own, places);
  const end = where(attentionMask.notEqual(0), own.add(1), first);
  return { positions: positionIds ?? places, spans: stack([first, end], { axis: 2 }) };
}
