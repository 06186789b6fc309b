import { batchesInOrder, type BatchSequence, endlessBatches, type MakeBatch, paddedLength } from "./batch_sequence.ts";
import type { EncodedExample, EncodedExamples } from "./encode.ts";

/** B examples of T tokens as plain arrays, row by row. */
export interface HostBatch {
  /** Token ids `[B, T]`, padding behind the end. */
  readonly inputIds: Int32Array<ArrayBuffer>;
  /** Which tokens count `[B, T]`: 1 for tokens, 0 behind the end. */
  readonly attentionMask: Int32Array<ArrayBuffer>;
  /** Which text a token is of `[B, T]`: 0 in the first, 1 in the second. */
  readonly tokenTypeIds: Int32Array<ArrayBuffer>;
  /** Numbers of classes `[B]`, or raw scores of a regression (STS-B's from 0 to 5). */
  readonly labels: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
  /** Weights of rows `[B]`: 1 for examples, 0 for rows that only fill the last batch. */
  readonly weights: Float32Array<ArrayBuffer>;
  /** Rows and tokens, `[B, T]`. */
  readonly shape: readonly [number, number];
}

/**
 * To what length batches are padded. `longest`: all to the length of the encoded examples, which is one shape.
 * `bucket`: each to the shortest of `bucketLengths(length)` that its longest example fits in: less work, but a jitted
 * function has a plan with memory of its own for each shape that comes, and sums over tokens may differ in their last
 * bits.
 */
export type Padding = "longest" | "bucket";

/** Options of {@linkcode batches}. */
export interface BatchesOptions {
  /** B: rows of a batch, a whole number from 1. */
  readonly batchSize: number;
  /** To what length batches are padded; `longest` by default. */
  readonly padding?: Padding;
}

/** Options of {@linkcode trainBatches}. */
export interface TrainBatchesOptions extends BatchesOptions {
  /** A safe integer from 0 that decides the order alone. */
  readonly seed: number;
  /** Number of the first batch of the iteration, 0 by default: the number of steps done, to go on with a run. */
  readonly start?: number;
  /**
   * For padding to buckets, batches of similar length: so many batches in a row are filled from their examples in the
   * order of length, and come in a seeded order. 1 by default: batches of what the shuffle brings. 16 to 64 leave
   * little to pad.
   */
  readonly window?: number;
}

/** An endless row of training batches. */
export type TrainBatches = BatchSequence<HostBatch>;

/**
 * Training batches without end: each pass over the examples is in a new seeded order and goes on in the same batch
 * where the last pass ends, so that every example comes once a pass and none is dropped. All batches have the same
 * shape unless they are padded to buckets.
 *
 * Throws a RangeError where the batch size or the window is no positive integer, the seed or a number of a batch no
 * safe integer from 0, or there are no examples.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const examples = [0, 1, 2].map((label) => ({ ids: [label], typeIds: [0], label }));
 * const encoded = { examples, kind: "classes" as const, length: 8, padId: 0 };
 * const batches = data.trainBatches(encoded, { batchSize: 3, seed: 1 });
 * console.log([...batches.at(7).labels].sort(), batches.at(7).shape); // [0, 1, 2] [3, 8]
 * ```
 */
export function trainBatches(encoded: EncodedExamples, options: TrainBatchesOptions): TrainBatches {
  return endlessBatches({
    examples: encoded.examples,
    what: "examples",
    lengthOf: ({ ids }) => ids.length,
    maker: () => batchMaker(encoded, options),
  }, options);
}

/**
 * Encoded examples in their order, in batches of the same size: the last one is filled up with copies of its last
 * example that have weight 0.
 *
 * Throws a RangeError where the batch size is no positive integer.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const examples = [0, 1, 2].map((label) => ({ ids: [label], typeIds: [0], label }));
 * const encoded = { examples, kind: "classes" as const, length: 8, padId: 0 };
 * const [first, second] = data.batches(encoded, { batchSize: 2 });
 * console.log([...first.labels], [...second.weights]); // [0, 1] [1, 0]
 * ```
 */
export function batches(encoded: EncodedExamples, options: BatchesOptions): HostBatch[] {
  return batchesInOrder({ examples: encoded.examples, maker: () => batchMaker(encoded, options) }, options.batchSize);
}

/** Makes batches of some of the encoded examples. */
function batchMaker(
  { kind, padId, length: most }: EncodedExamples,
  { batchSize: rows, padding = "longest" }: BatchesOptions,
): MakeBatch<EncodedExample, HostBatch> {
  const lengthFor = paddedLength(most, padding);
  return (examples) => {
    const length = lengthFor(Math.max(...examples.map(({ ids }) => ids.length)));
    const inputIds = new Int32Array(rows * length).fill(padId);
    const attentionMask = new Int32Array(rows * length);
    const tokenTypeIds = new Int32Array(rows * length);
    const labels = kind === "regression" ? new Float32Array(rows) : new Int32Array(rows);
    const weights = new Float32Array(rows);
    for (let row = 0; row < rows; row++) {
      const { ids, typeIds, label } = examples[Math.min(row, examples.length - 1)];
      const at = row * length;
      inputIds.set(ids, at);
      tokenTypeIds.set(typeIds, at);
      attentionMask.fill(1, at, at + ids.length);
      labels[row] = label;
      weights[row] = row < examples.length ? 1 : 0;
    }
    return { inputIds, attentionMask, tokenTypeIds, labels, weights, shape: [rows, length] };
  };
}
