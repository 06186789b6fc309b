import {
  batchesInOrder,
  type BatchSequence,
  endlessBatches,
  type MakeBatch,
  paddedLength,
  roundedLength,
} from "../batch_sequence.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { IGNORED } from "./encoded_texts.ts";
import type { TextBatchesOptions, TrainTextBatchesOptions } from "./text_batches.ts";
import type { TextPair } from "./text_pairs.ts";

/** A source and its target as token ids, special tokens included, not padded. */
export interface EncodedPair {
  /** What the encoder reads. */
  readonly source: readonly number[];
  /** What the decoder is to write. */
  readonly target: readonly number[];
}

/** Sources and targets as token ids, with what batches of them need to know. */
export interface EncodedPairs {
  /** The pairs in their order. */
  readonly examples: readonly EncodedPair[];
  /** Most tokens of a source, and of a target, in a batch. */
  readonly lengths: { readonly source: number; readonly target: number };
  /** The token id that stands where there is no text. */
  readonly padId: number;
  /** The token id that the decoder reads first: `decoder_start_token_id`. */
  readonly startId: number;
  /** Pairs of which a text lost tokens as it was longer than the most that was asked for. */
  readonly cut: number;
}

/** Options of {@linkcode encodeSourceTarget}. */
export interface EncodeSourceTargetOptions {
  /** The token id that the decoder reads first: `decoder_start_token_id` of the model's configuration. */
  readonly startId: number;
  /** Most tokens of a source, special ones included; 768 by default, as for XSum. */
  readonly maxSource?: number;
  /** Most tokens of a target, special ones included; 64 by default, as for XSum. */
  readonly maxTarget?: number;
}

/**
 * Pairs as token ids for an encoder and a decoder, each text between the tokenizer's special tokens. What is longer than
 * the most loses tokens at the side that the tokenizer's files name, its end as a rule, and keeps the special ones.
 *
 * Throws a RangeError that names the pair, from 0, whose source has no text.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const tokenizer = data.wordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "rain", "falls"]);
 * const pairs = [{ source: "rain falls", target: "rain" }];
 * const { examples } = data.encodeSourceTarget(pairs, tokenizer, { startId: 3 });
 * console.log(examples[0]); // { source: [2, 5, 6, 3], target: [2, 5, 3] }
 * ```
 */
export function encodeSourceTarget(
  pairs: Iterable<TextPair>,
  tokenizer: Tokenizer,
  { startId, maxSource = 768, maxTarget = 64 }: EncodeSourceTargetOptions,
): EncodedPairs {
  const most = { source: maxSource, target: maxTarget };
  let cut = 0;
  const examples = Array.from(pairs, (pair, i): EncodedPair => {
    if (pair.source.trim() === "") throw new RangeError(`Cannot encode example ${i} as its source is empty`);
    const [source, target] = (["source", "target"] as const).map((side) => tokenizer.encode(pair[side]).ids);
    if (source.length <= maxSource && target.length <= maxTarget) return { source, target };
    cut++;
    const shorten = (side: "source" | "target") =>
      tokenizer.encode(pair[side], undefined, { maxLength: most[side] }).ids;
    return { source: shorten("source"), target: shorten("target") };
  });
  const lengthOf = (side: "source" | "target") => {
    const longest = examples.reduce((most, pair) => Math.max(most, pair[side].length), 1);
    return roundedLength(longest, most[side]);
  };
  const lengths = { source: lengthOf("source"), target: lengthOf("target") };
  return { examples, lengths, padId: tokenizer.padId, startId, cut };
}

/** B pairs as plain arrays, row by row, for an encoder and a decoder. */
export interface HostPairBatch {
  /** Token ids of sources `[B, S]`. */
  readonly inputIds: Int32Array<ArrayBuffer>;
  /** 1 for tokens of sources, 0 for padding `[B, S]`. */
  readonly attentionMask: Int32Array<ArrayBuffer>;
  /** What the decoder reads `[B, T]`: its first token, then the target but for its last. */
  readonly decoderInputIds: Int32Array<ArrayBuffer>;
  /** 1 for tokens that the decoder reads, 0 for padding `[B, T]`. */
  readonly decoderAttentionMask: Int32Array<ArrayBuffer>;
  /** What should stand behind each token that the decoder reads `[B, T]`: the target; −100 where nothing is asked. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Rows, and tokens of sources and of targets. */
  readonly shape: { readonly rows: number; readonly source: number; readonly target: number };
}

/** Options of {@linkcode pairBatches}; sources and targets are padded at their ends. */
export type PairBatchesOptions = Pick<TextBatchesOptions, "batchSize" | "padding">;

/** Options of {@linkcode trainPairBatches}. */
export type TrainPairBatchesOptions = Pick<
  TrainTextBatchesOptions,
  "batchSize" | "padding" | "seed" | "start" | "window"
>;

/** An endless row of training batches. */
export type TrainPairBatches = BatchSequence<HostPairBatch>;

/**
 * Training batches of pairs without end, in the order of {@linkcode trainBatches}.
 *
 * Throws a RangeError where the batch size or the window is no positive integer, the seed or a number of a batch no safe
 * integer from 0, or there are no pairs.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const examples = [{ source: [2, 5, 6, 3], target: [2, 5, 3] }];
 * const encoded = { examples, lengths: { source: 4, target: 4 }, padId: 0, startId: 3, cut: 0 };
 * const { decoderInputIds, labels } = data.trainPairBatches(encoded, { batchSize: 1, seed: 1 }).at(0);
 * console.log([...decoderInputIds], [...labels]); // [3, 2, 5, 0] [2, 5, 3, -100]
 * ```
 */
export function trainPairBatches(encoded: EncodedPairs, options: TrainPairBatchesOptions): TrainPairBatches {
  return endlessBatches({
    examples: encoded.examples,
    what: "pairs",
    lengthOf: ({ source }) => source.length,
    maker: () => batchMaker(encoded, options),
  }, options);
}

/**
 * Pairs in their order, in batches of the same size: the last one is filled up with copies of its last pair in which
 * nothing is asked.
 *
 * Throws a RangeError where the batch size is no positive integer.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const examples = [{ source: [2, 5, 3], target: [2, 3] }, { source: [2, 3], target: [2, 5, 3] }];
 * const encoded = { examples, lengths: { source: 8, target: 8 }, padId: 0, startId: 3, cut: 0 };
 * console.log(data.pairBatches(encoded, { batchSize: 2 })[0].shape); // { rows: 2, source: 8, target: 8 }
 * ```
 */
export function pairBatches(encoded: EncodedPairs, options: PairBatchesOptions): HostPairBatch[] {
  return batchesInOrder({ examples: encoded.examples, maker: () => batchMaker(encoded, options) }, options.batchSize);
}

function batchMaker(
  { lengths: most, padId, startId }: EncodedPairs,
  { batchSize: rows, padding = "longest" }: PairBatchesOptions,
): MakeBatch<EncodedPair, HostPairBatch> {
  const lengthFor = { source: paddedLength(most.source, padding), target: paddedLength(most.target, padding) };
  return (pairs) => {
    const fit = (side: "source" | "target") => lengthFor[side](Math.max(...pairs.map((pair) => pair[side].length)));
    const [S, T] = [fit("source"), fit("target")];
    const inputIds = new Int32Array(rows * S).fill(padId);
    const decoderInputIds = new Int32Array(rows * T).fill(padId);
    const attentionMask = new Int32Array(rows * S);
    const decoderAttentionMask = new Int32Array(rows * T);
    const labels = new Int32Array(rows * T).fill(IGNORED);
    for (let row = 0; row < rows; row++) {
      const { source, target } = pairs[Math.min(row, pairs.length - 1)];
      inputIds.set(source, row * S);
      attentionMask.fill(1, row * S, row * S + source.length);
      decoderInputIds.set([startId, ...target.slice(0, -1)], row * T);
      decoderAttentionMask.fill(1, row * T, row * T + target.length);
      if (row < pairs.length) labels.set(target, row * T);
    }
    const shape = { rows, source: S, target: T };
    return { inputIds, attentionMask, decoderInputIds, decoderAttentionMask, labels, shape };
  };
}
