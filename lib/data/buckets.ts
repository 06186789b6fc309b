/** Up to here, lengths are multiples of {@linkcode STEP}; then of twice as much for each doubling. */
const FINE = 64;
const STEP = 16;

/**
 * The lengths, in tokens, to which batches of variable length are padded: 16, 32, 48, 64, 96, 128, 192, 256, 384, 512
 * and so on below `longest`, and `longest` itself. These are at most 4 up to 64 tokens, and 2 more for each doubling: 6
 * up to 128, 10 up to 512. A jitted step has no more signatures. Above 64, less than a third of the longest row is
 * padding.
 *
 * Throws a RangeError where `longest` is no positive integer.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * console.log(data.bucketLengths(100)); // [16, 32, 48, 64, 96, 100]
 * ```
 */
export function bucketLengths(longest: number): number[] {
  if (!Number.isSafeInteger(longest) || longest < 1) {
    throw new RangeError(`Cannot find lengths of batches as the longest must be a positive integer: ${longest}`);
  }
  const lengths: number[] = [];
  let step = STEP;
  for (let length = STEP; length < longest; length += step) {
    lengths.push(length);
    if (length >= FINE && Number.isInteger(Math.log2(length))) step = length / 2;
  }
  return [...lengths, longest];
}
