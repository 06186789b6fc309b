import type { SignFlip } from "./sign_flip_test.ts";

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

/** What {@linkcode correctFamily} adds to a test. */
export interface Corrected {
  /** p after Holm's correction over the family. */
  readonly adjustedP: number;
  /** The smallest that `adjustedP` could be with so many pairs. */
  readonly smallestP: number;
  /** Whether `smallestP` lies above the level: then the test says nothing. */
  readonly tooFew: boolean;
}

/** Corrects the tests of a family for their number, by {@linkcode holm}. */
export function correctFamily<Test extends Pick<SignFlip, "p" | "smallestP">>(
  tests: readonly Test[],
  level: number,
): (Test & Corrected)[] {
  const adjusted = holm(tests.map(({ p }) => p));
  const smallest = holm(tests.map(({ smallestP }) => smallestP));
  return tests.map((test, i) => ({
    ...test,
    adjustedP: adjusted[i],
    smallestP: smallest[i],
    tooFew: smallest[i] > level,
  }));
}
