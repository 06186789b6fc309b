import type { SignFlip } from "./sign_flip_test.ts";

/**
 * p-values of several tests, corrected so that the chance of any false finding stays at the level of one ([Holm
 * 1979](https://www.jstor.org/stable/4615733)): the smallest times their number, the next times one fewer, none smaller
 * than the one before, none above 1. They stay in the order given.
 *
 * @example
 * ```ts
 * import { holm } from "@delta-dawn/delta-lora/experiment";
 *
 * console.log(holm([0.02, 0.01, 0.5])); // [0.04, 0.03, 0.5]
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

/**
 * The tests of a family with their p-values corrected for their number by {@linkcode holm}, and whether there were too
 * few pairs for the level.
 *
 * @example
 * ```ts
 * import { correctFamily } from "@delta-dawn/delta-lora/experiment";
 *
 * const tests = [{ p: 0.03, smallestP: 0.01 }, { p: 0.5, smallestP: 0.25 }];
 * const corrected = correctFamily(tests, 0.05);
 * console.log(corrected.map(({ adjustedP, tooFew }) => [adjustedP, tooFew])); // [[0.06, false], [0.5, true]]
 * ```
 */
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
