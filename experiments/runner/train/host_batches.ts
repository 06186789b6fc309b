import {
  batches,
  type HostBatch,
  type HostPairBatch,
  type HostTextBatch,
  pairBatches,
  textBatches,
  trainBatches,
  trainPairBatches,
  trainTextBatches,
} from "../../../lib/data/mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import type { EncodedSides } from "../data/encode_texts.ts";
import type { RunTask } from "../data/inputs.ts";

/** A batch as plain arrays: examples with labels, texts of a causal model, or pairs of an encoder with a decoder. */
export type AnyHostBatch = HostBatch | HostTextBatch | HostPairBatch;

/** Examples of any kind as token ids. */
export type AnyEncoded = RunTask["train"] | EncodedSides;

interface BatchOptions extends Pick<RunSpec, "padding"> {
  readonly batchSize: number;
}

/** Logits of causal models are asked for at places with labels alone. */
const PLACES = { places: "learned" } as const;

/** Shuffled batches by number. */
export function shuffledBatches(
  encoded: AnyEncoded,
  options: BatchOptions & Pick<RunSpec, "seed">,
): (index: number) => AnyHostBatch {
  if ("kind" in encoded) return trainBatches(encoded, options).at;
  return "lengths" in encoded
    ? trainPairBatches(encoded, options).at
    : trainTextBatches(encoded, { ...options, ...PLACES }).at;
}

/** Some of the examples, in their order. */
export function partOf<E extends AnyEncoded>(encoded: E, start: number, end: number): E {
  return { ...encoded, examples: encoded.examples.slice(start, end) };
}

/** Batches of examples in their order. */
export function batchesInOrder(encoded: AnyEncoded, options: BatchOptions): AnyHostBatch[] {
  if ("kind" in encoded) return batches(encoded, options);
  return "lengths" in encoded ? pairBatches(encoded, options) : textBatches(encoded, { ...options, ...PLACES });
}

/** Tokens of a batch's rows, padding included: of what is read, where another text is written. */
export function lengthOf({ shape }: AnyHostBatch): number {
  return "source" in shape ? shape.source : shape[1];
}

/** Tokens of a batch without padding, and without rows that only fill it up. */
export function tokensOf(batch: AnyHostBatch): number {
  const sum = (mask: Int32Array) => mask.reduce((sum, token) => sum + token, 0);
  if ("decoderAttentionMask" in batch) return sum(batch.attentionMask) + sum(batch.decoderAttentionMask);
  if (!("weights" in batch)) return sum(batch.attentionMask);
  const { attentionMask, weights, shape: [, length] } = batch;
  return attentionMask.reduce((sum, token, i) => sum + token * weights[Math.floor(i / length)], 0);
}
