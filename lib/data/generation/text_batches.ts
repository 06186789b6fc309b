import { batchesInOrder, type BatchSequence, endlessBatches, type MakeBatch, paddedLength } from "../batch_sequence.ts";
import { type EncodedText, type EncodedTexts, IGNORED } from "./encoded_texts.ts";

/** B rows of T tokens as plain arrays, row by row, for a causal model. */
export interface HostTextBatch {
  /** Token ids `[B, T]`. */
  readonly inputIds: Int32Array<ArrayBuffer>;
  /** 1 for tokens, 0 for padding `[B, T]`. */
  readonly attentionMask: Int32Array<ArrayBuffer>;
  /** Place of a token in its text `[B, T]`, from 0; 0 for padding. */
  readonly positionIds: Int32Array<ArrayBuffer>;
  /** Which text of a packed row a token is of `[B, T]`, from 0; padding has the number of its neighbour. */
  readonly segmentIds?: Int32Array<ArrayBuffer>;
  /** The token that should stand behind each one `[B, T]`, −100 where that is not asked; or `[M]`, with `positions`. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Places `[M]` among the B·T tokens at which something is asked; what fills them up is place 0 with label −100. */
  readonly positions?: Int32Array<ArrayBuffer>;
  /** Rows and tokens, `[B, T]`. */
  readonly shape: readonly [number, number];
}

/** Options of {@linkcode textBatches}. */
export interface TextBatchesOptions {
  /** B: rows of a batch, a whole number from 1. */
  readonly batchSize: number;
  /**
   * To what length rows are padded. `longest`, the default: all to that of the encoded texts, which is one shape.
   * `bucket`: each batch to the shortest of `bucketLengths(length)` that its longest row fits in.
   */
  readonly padding?: "longest" | "bucket";
  /** The end at which rows are padded; `right` by default. */
  readonly side?: "left" | "right";
  /**
   * At which places logits are asked for: `all`, the default, or `learned`, those with a label alone, of which each
   * batch has room for the same number. It spares the product with the vocabulary everywhere else.
   */
  readonly places?: "all" | "learned";
}

/** Options of {@linkcode trainTextBatches}. */
export interface TrainTextBatchesOptions extends TextBatchesOptions {
  /** A safe integer from 0 that decides the order alone. */
  readonly seed: number;
  /** Number of the first batch of the iteration, 0 by default. */
  readonly start?: number;
  /** For padding to buckets: so many batches in a row are filled in the order of length; 1 by default. */
  readonly window?: number;
}

/** An endless row of training batches. */
export type TrainTextBatches = BatchSequence<HostTextBatch>;

/**
 * Training batches of texts without end, in the order of {@linkcode trainBatches}: each pass over the texts is in a new
 * seeded order and goes on in the same batch where the last one ends. Packed rows stay as they are packed.
 *
 * Throws a RangeError where the batch size or the window is no positive integer, the seed or a number of a batch no safe
 * integer from 0, or there are no texts.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const examples = [{ ids: [5, 6, 7], labels: [-100, 7, -100] }];
 * const encoded = { examples, length: 4, padId: 0, isPacked: false, cut: 0, dropped: 0 };
 * const { inputIds, labels } = data.trainTextBatches(encoded, { batchSize: 1, seed: 1, side: "left" }).at(9);
 * console.log([...inputIds], [...labels]); // [0, 5, 6, 7] [-100, -100, 7, -100]
 * ```
 */
export function trainTextBatches(encoded: EncodedTexts, options: TrainTextBatchesOptions): TrainTextBatches {
  return endlessBatches({
    examples: encoded.examples,
    what: "texts",
    lengthOf: ({ ids }) => ids.length,
    maker: () => batchMaker(encoded, options),
  }, options);
}

/**
 * Texts in their order, in batches of the same size: the last one is filled up with copies of its last row in which
 * nothing is asked.
 *
 * Throws a RangeError where the batch size is no positive integer.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const examples = [3, 4, 5].map((id) => ({ ids: [1, id], labels: [id, -100] }));
 * const encoded = { examples, length: 2, padId: 0, isPacked: false, cut: 0, dropped: 0 };
 * const [, last] = data.textBatches(encoded, { batchSize: 2, places: "learned" });
 * console.log([...last.labels], [...last.positions ?? []]); // [5, -100] [0, 0]
 * ```
 */
export function textBatches(encoded: EncodedTexts, options: TextBatchesOptions): HostTextBatch[] {
  return batchesInOrder({ examples: encoded.examples, maker: () => batchMaker(encoded, options) }, options.batchSize);
}

const countLabels = ({ labels }: EncodedText): number => labels.filter((label) => label !== IGNORED).length;

/** Makes batches of some of the texts. */
function batchMaker(
  encoded: EncodedTexts,
  options: TextBatchesOptions,
): MakeBatch<EncodedText, HostTextBatch> {
  const { padId, length: most, isPacked, examples } = encoded;
  const { batchSize: B, padding = "longest", side = "right", places = "all" } = options;
  const lengthFor = paddedLength(most, padding);
  const asked = places === "all" ? 0 : examples.reduce((most, text) => Math.max(most, countLabels(text)), 1);
  return (rows) => {
    const T = lengthFor(Math.max(...rows.map(({ ids }) => ids.length)));
    const batch = {
      inputIds: new Int32Array(B * T).fill(padId),
      attentionMask: new Int32Array(B * T),
      positionIds: new Int32Array(B * T),
      ...isPacked && { segmentIds: new Int32Array(B * T) },
      labels: new Int32Array(B * T).fill(IGNORED),
    };
    for (let row = 0; row < B; row++) {
      const text = rows[Math.min(row, rows.length - 1)];
      const at = row * T + (side === "right" ? 0 : T - text.ids.length);
      layRow(batch, text, at, (row + 1) * T);
      if (row < rows.length) batch.labels.set(text.labels, at);
    }
    return { ...batch, ...places === "learned" && askedOf(batch.labels, B * asked), shape: [B, T] };
  };
}

/** Lays a text into arrays, from a place on; `end` is that of its row. */
function layRow(
  { inputIds, attentionMask, positionIds, segmentIds }: Omit<HostTextBatch, "labels" | "shape">,
  { ids, segments }: EncodedText,
  at: number,
  end: number,
): void {
  inputIds.set(ids, at);
  attentionMask.fill(1, at, at + ids.length);
  let begin = 0;
  for (const i of ids.keys()) {
    if (segments && i > 0 && segments[i] !== segments[i - 1]) begin = i;
    positionIds[at + i] = i - begin;
  }
  if (!segmentIds || !segments) return;
  segmentIds.set(segments, at);
  segmentIds.fill(segments[segments.length - 1], at + ids.length, end);
}

/** The places with a label, and their labels, filled up to `room`. */
function askedOf(all: Int32Array<ArrayBuffer>, room: number): Pick<HostTextBatch, "labels" | "positions"> {
  const positions = new Int32Array(room);
  const labels = new Int32Array(room).fill(IGNORED);
  let count = 0;
  for (const [place, label] of all.entries()) {
    if (label === IGNORED) continue;
    positions[count] = place;
    labels[count++] = label;
  }
  return { labels, positions };
}
