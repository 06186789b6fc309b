/** The values, once none is negative or no number. */
function requireSizes(values: ArrayLike<number>): number[] {
  return Array.from(values, (value, i) => {
    if (value >= 0 && value < Infinity) return value;
    throw new RangeError(`Cannot take value ${i} as a singular value as it is ${value}`);
  });
}

/**
 * In how many directions a matrix is large, from its singular values: e to the entropy of their shares of their sum
 * (Roy and Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007). It is n for n equal
 * values, near 1 where one exceeds all others, never above the rank, and 0 where all are 0. Unlike a numeric rank it
 * needs no threshold.
 *
 * Throws a RangeError where a value is negative or not finite.
 *
 * @example
 * ```ts
 * import { effectiveRank } from "@delta-dawn/delta-lora/experiment/instruments";
 *
 * console.log(effectiveRank([1, 1, 1, 1]).toFixed(2), effectiveRank([1, 0.01]).toFixed(2)); // 4.00 1.06
 * ```
 */
export function effectiveRank(values: ArrayLike<number>): number {
  const sizes = requireSizes(values);
  const sum = sizes.reduce((total, value) => total + value, 0);
  if (sum === 0) return 0;
  const shares = sizes.map((value) => value / sum).filter((share) => share > 0);
  return Math.exp(-shares.reduce((total, share) => total + share * Math.log(share), 0));
}

/**
 * What share of a matrix lies within its leading directions, 0 to 1: the squares of its so many largest singular values over
 * those of all, which is how much of it the best matrix of that rank has. It is 1 where all values are 0.
 *
 * Throws a RangeError where a value is negative or not finite, or `count` is no whole number from 0.
 *
 * @example
 * ```ts
 * import { energyWithin } from "@delta-dawn/delta-lora/experiment/instruments";
 *
 * console.log(energyWithin([2, 1, 1], 1).toFixed(3)); // 0.667
 * ```
 */
export function energyWithin(values: ArrayLike<number>, count: number): number {
  if (!Number.isInteger(count) || count < 0) {
    throw new RangeError(`Cannot take so many directions as they are no whole number from 0: ${count}`);
  }
  const sizes = requireSizes(values).sort((a, b) => b - a);
  // Scaled first, so that no square leaves float64.
  const squares = sizes.map((value) => sizes[0] > 0 ? (value / sizes[0]) ** 2 : 0);
  const sum = (some: readonly number[]) => some.reduce((total, square) => total + square, 0);
  const all = sum(squares);
  return all === 0 ? 1 : sum(squares.slice(0, count)) / all;
}
