import type { Example, GlueData } from "./glue.ts";
import { seededPermutation } from "./shuffle.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** An example as token ids, not padded. */
export interface EncodedExample {
  /** Token ids, special tokens included. */
  readonly ids: readonly number[];
  /** 0 in the first text, 1 in the second; as long as `ids`. */
  readonly typeIds: readonly number[];
  /** Class number, or the raw score of a regression. */
  readonly label: number;
}

/** A task's examples, tokenised once, and the one length to which all its batches are padded. */
export interface EncodedTask {
  /** Decides the type of labels: i32 class numbers or f32 scores. */
  readonly kind: "classes" | "regression";
  /** In the order of the file. */
  readonly train: readonly EncodedExample[];
  /** In the order of the file. */
  readonly dev: readonly EncodedExample[];
  /** T of every batch: tokens of the longest example of both splits, rounded up to a multiple of 8, ≤ maxLength. */
  readonly length: number;
  /** Id that stands behind the end of short examples. */
  readonly padId: number;
}

/** B examples as plain arrays of T tokens, row by row. */
export interface HostBatch {
  /** `[B, T]` token ids, [PAD] behind the end. */
  readonly inputIds: Int32Array<ArrayBuffer>;
  /** `[B, T]` 1 for tokens, 0 behind the end. */
  readonly attentionMask: Int32Array<ArrayBuffer>;
  /** `[B, T]` 0 in the first text, 1 in the second. */
  readonly tokenTypeIds: Int32Array<ArrayBuffer>;
  /** `[B]` class numbers, or raw scores of a regression (STS-B's from 0 to 5). */
  readonly labels: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
  /** `[B]` 1 for examples, 0 for rows that only fill the last batch. */
  readonly weights: Float32Array<ArrayBuffer>;
  /** `[B, T]`. */
  readonly shape: readonly [number, number];
}

/** Options of {@linkcode encodeTask}. */
export interface EncodeTaskOptions {
  /** Most tokens of an example, special tokens included; longer ones are cut. 128 by default. */
  readonly maxLength?: number;
}

/** Options of {@linkcode trainBatches}. */
export interface TrainBatchesOptions {
  /** B. */
  readonly batchSize: number;
  /** Safe integer from 0 that decides the order alone. */
  readonly seed: number;
  /** Index of the first batch of the iteration, 0 by default: the number of steps done, to go on with a run. */
  readonly start?: number;
}

/** Options of {@linkcode evalBatches}. */
export interface EvalBatchesOptions {
  /** B. */
  readonly batchSize: number;
  /** "dev" by default. */
  readonly split?: "train" | "dev";
}

/** An endless row of training batches. */
export interface TrainBatches extends Iterable<HostBatch> {
  /** Batch of an index from 0: a pure function of the task, the batch size, the seed and the index. */
  at(index: number): HostBatch;
}

/**
 * Tokenises both splits of a task once.
 *
 * @example
 * ```ts
 * import { encodeTask, evalBatches, readGlueFiles, wordPiece } from "@delta-dawn/delta-lora";
 *
 * const rows = "sentence\tlabel\ngood\t1\nbad film\t0\n";
 * const data = await readGlueFiles(new Map([["SST-2/train.tsv", rows], ["SST-2/dev.tsv", rows]]), "sst2");
 * const pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film"];
 * const task = encodeTask(data, wordPiece(pieces));
 * const [batch] = evalBatches(task, { batchSize: 2 });
 * console.assert(batch.shape.join() === "2,8");
 * ```
 */
export function encodeTask(
  data: Pick<GlueData, "train" | "dev"> & { readonly task: Pick<GlueData["task"], "kind"> },
  tokenizer: Tokenizer,
  options: EncodeTaskOptions = {},
): EncodedTask {
  const { maxLength = 128 } = options;
  const encode = ({ text, text2, label }: Example): EncodedExample => ({
    ...tokenizer.encode(text, text2, { maxLength }),
    label,
  });
  const train = data.train.map(encode);
  const dev = data.dev.map(encode);
  let longest = 1;
  for (const split of [train, dev]) for (const { ids } of split) longest = Math.max(longest, ids.length);
  const length = Math.min(Math.ceil(longest / 8) * 8, maxLength);
  return { kind: data.task.kind, train, dev, length, padId: tokenizer.padId };
}

/**
 * Training batches without end, all of the same shape: each pass over the examples is in a new seeded order and goes on
 * in the same batch where the last pass ends, so that every example comes once a pass and none is dropped.
 *
 * Throws a RangeError when the batch size is no positive integer, an index is no safe integer from 0, or there are no
 * examples.
 *
 * @example
 * ```ts
 * import { trainBatches } from "@delta-dawn/delta-lora";
 *
 * const task = {
 *   kind: "classes" as const,
 *   train: [0, 1, 2].map((label) => ({ ids: [label], typeIds: [0], label })),
 *   dev: [],
 *   length: 8,
 *   padId: 0,
 * };
 * const batches = trainBatches(task, { batchSize: 3, seed: 1 });
 * console.assert(batches.at(7).labels.toSorted().join() === "0,1,2");
 * ```
 */
export function trainBatches(task: EncodedTask, options: TrainBatchesOptions): TrainBatches {
  const { batchSize, seed, start = 0 } = options;
  const { train } = task;
  checkBatchSize(batchSize);
  checkIndex(start);
  if (train.length === 0) throw new RangeError("Cannot make training batches as there are no examples");
  seededPermutation(0, seed);
  let order = { pass: -1, rows: new Uint32Array(0) };
  const exampleAt = (position: number): EncodedExample => {
    const pass = Math.floor(position / train.length);
    if (pass !== order.pass) order = { pass, rows: seededPermutation(train.length, seed, pass) };
    return train[order.rows[position % train.length]];
  };
  const at = (index: number): HostBatch => {
    checkIndex(index);
    return toBatch(task, Array.from({ length: batchSize }, (_, i) => exampleAt(index * batchSize + i)), batchSize);
  };
  return {
    at,
    *[Symbol.iterator](): Generator<HostBatch, never> {
      for (let index = start;; index++) yield at(index);
    },
  };
}

/**
 * The examples of a split in their order, all batches of the same shape: the last one is filled up with copies of its
 * last example that have weight 0.
 *
 * Throws a RangeError when the batch size is no positive integer.
 */
export function evalBatches(task: EncodedTask, options: EvalBatchesOptions): HostBatch[] {
  const { batchSize, split = "dev" } = options;
  checkBatchSize(batchSize);
  const examples = task[split];
  const count = Math.ceil(examples.length / batchSize);
  return Array.from(
    { length: count },
    (_, i) => toBatch(task, examples.slice(i * batchSize, (i + 1) * batchSize), batchSize),
  );
}

function toBatch(task: EncodedTask, examples: readonly EncodedExample[], rows: number): HostBatch {
  const { kind, length, padId } = task;
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
}

function checkBatchSize(batchSize: number): void {
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`Cannot make batches as batchSize must be a positive integer: ${batchSize}`);
  }
}

function checkIndex(index: number): void {
  if (!Number.isSafeInteger(index) || index < 0) {
    throw new RangeError(`Cannot find a batch as its index must be an integer from 0: ${index}`);
  }
}
