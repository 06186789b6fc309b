/**
 * p-values of several tests, corrected so that the chance of any false finding stays at the level of one (S. Holm, A
 * Simple Sequentially Rejective Multiple Test Procedure, 1979): the smallest times their number, the next times one
 * fewer, none smaller than the one before, none above 1. In the order given.
 *
 * @example
 * ```ts
 * import { expect } from "expect";
 *
 * expect(holm([0.02, 0.01, 0.5])).toEqual([0.04, 0.03, 0.5]);
 * ```
 */
export function holm(ps: readonly number[]): number[] {
  const adjusted = new Array<number>(ps.length);
  let largest = 0;
  ps.map((p, i) => ({ p, i })).sort((a, b) => a.p - b.p).forEach(({ p, i }, rank) => {
    largest = Math.min(1, Math.max(largest, p * (ps.length - rank)));
    adjusted[i] = largest;
  });
  return adjusted;
}
