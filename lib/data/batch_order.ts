import { seededPermutation } from "./shuffle.ts";

/** Streams of a seed from here on order the batches of windows; those below order the examples of passes. */
const FIRST_WINDOW_STREAM = 2 ** 31;

/** Options of {@linkcode batchOrder}. */
export interface BatchOrderOptions {
  /** Examples of a batch. */
  readonly batchSize: number;
  readonly seed: number;
  /** Batches that are filled together, in the order of length. */
  readonly window: number;
}

/**
 * Which examples stand in a batch, as a pure function of its index. Each pass over the examples is a new permutation, and
 * they go on in the same batch where the last pass ends. With a window of several batches, their examples are put in the
 * order of length, cut into batches, and these come in a permuted order.
 *
 * `lengthOf` is asked only where the window is larger than 1.
 */
export function batchOrder(
  count: number,
  lengthOf: (row: number) => number,
  { batchSize, seed, window }: BatchOrderOptions,
): (index: number) => readonly number[] {
  let pass = { number: -1, rows: new Uint32Array(0) };
  const rowAt = (position: number): number => {
    const number = Math.floor(position / count);
    if (number !== pass.number) pass = { number, rows: seededPermutation(count, seed, number) };
    return pass.rows[position % count];
  };
  const rowsFrom = (position: number, size: number) => Array.from({ length: size }, (_, i) => rowAt(position + i));
  if (window === 1) return (index) => rowsFrom(index * batchSize, batchSize);

  let known: { readonly number: number; readonly batches: readonly (readonly number[])[] } | undefined;
  const batchesOf = (number: number) => {
    const size = window * batchSize;
    const lengths = new Map<number, number>();
    const rows = rowsFrom(number * size, size);
    for (const row of rows) lengths.set(row, lengthOf(row));
    rows.sort((a, b) => lengths.get(a)! - lengths.get(b)!);
    const order = seededPermutation(window, seed, FIRST_WINDOW_STREAM + number);
    return Array.from(order, (place) => rows.slice(place * batchSize, (place + 1) * batchSize));
  };
  return (index) => {
    const number = Math.floor(index / window);
    if (known?.number !== number) known = { number, batches: batchesOf(number) };
    return known.batches[index % window];
  };
}
