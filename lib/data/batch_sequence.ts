import { batchOrder } from "./batch_order.ts";
import { bucketLengths } from "./buckets.ts";
import { seededPermutation } from "./shuffle.ts";

/** An endless row of training batches. */
export interface BatchSequence<Batch> extends Iterable<Batch> {
  /**
   * The batch of a number from 0, a pure function of the examples, the options and the number. Throws a RangeError
   * where the number is no safe integer from 0.
   */
  at(index: number): Batch;
}

/** Makes a batch of some examples: of fewer than it has rows at the end of a list alone. */
export type MakeBatch<Example, Batch> = (examples: readonly Example[]) => Batch;

/** In which order batches come. */
interface SequenceOptions {
  readonly batchSize: number;
  readonly seed: number;
  readonly start?: number;
  readonly window?: number;
}

/** What batches are made of. */
interface SequenceParts<Example, Batch> {
  readonly examples: readonly Example[];
  /** What the examples are called in messages. */
  readonly what: string;
  /** What the order within a window goes by. */
  lengthOf(example: Example): number;
  /** Called once, after all options are checked. */
  maker(): MakeBatch<Example, Batch>;
}

function checkCount(name: string, count: number): void {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new RangeError(`Cannot make batches as ${name} must be a positive integer: ${count}`);
  }
}

function checkIndex(index: number): void {
  if (!Number.isSafeInteger(index) || index < 0) {
    throw new RangeError(`Cannot find a batch as its index must be an integer from 0: ${index}`);
  }
}

/**
 * Training batches without end, in the order of {@linkcode batchOrder}. Throws a RangeError where an option is wrong or
 * there are no examples.
 */
export function endlessBatches<Example, Batch>(
  { examples, what, lengthOf, maker }: SequenceParts<Example, Batch>,
  { batchSize, seed, start = 0, window = 1 }: SequenceOptions,
): BatchSequence<Batch> {
  checkCount("batchSize", batchSize);
  checkCount("window", window);
  checkIndex(start);
  if (examples.length === 0) throw new RangeError(`Cannot make training batches as there are no ${what}`);
  seededPermutation(0, seed);
  const rowsOf = batchOrder(examples.length, (row) => lengthOf(examples[row]), { batchSize, seed, window });
  const batch = maker();
  const at = (index: number): Batch => {
    checkIndex(index);
    return batch(rowsOf(index).map((row) => examples[row]));
  };
  return {
    at,
    *[Symbol.iterator](): Generator<Batch, never> {
      for (let index = start;; index++) yield at(index);
    },
  };
}

/** Examples in their order, in batches of so many. Throws a RangeError where that is no positive integer. */
export function batchesInOrder<Example, Batch>(
  { examples, maker }: Pick<SequenceParts<Example, Batch>, "examples" | "maker">,
  batchSize: number,
): Batch[] {
  checkCount("batchSize", batchSize);
  const batch = maker();
  const count = Math.ceil(examples.length / batchSize);
  return Array.from({ length: count }, (_, i) => batch(examples.slice(i * batchSize, (i + 1) * batchSize)));
}

/** To what length rows are padded whose longest has so many tokens, where none has more than `most`. */
export function paddedLength(most: number, padding: "longest" | "bucket"): (longest: number) => number {
  const lengths = padding === "longest" ? [most] : bucketLengths(most);
  return (longest) => lengths.find((length) => length >= longest) ?? most;
}

/** The longest of some texts in tokens as batches have it: a multiple of 8, and at most `most`. */
export function roundedLength(longest: number, most: number): number {
  return Math.min(Math.ceil(longest / 8) * 8, most);
}
