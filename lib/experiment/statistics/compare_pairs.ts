import { mean, sampleVariance } from "simple-statistics";
import type { Interval } from "./bootstrap_interval.ts";
import { correctFamily } from "./holm.ts";
import { meanInterval } from "./mean_interval.ts";
import { pairedDifferences, type Strata } from "./paired_differences.ts";
import { pairsNeeded, smallestDifference } from "./power.ts";
import type { ScoredRun } from "./scored_runs.ts";
import { signFlipTest } from "./sign_flip_test.ts";

/** The difference that does not matter, 0.02 or 2 points in per cent, unless it is asked for otherwise. */
export const MARGIN = 0.02;

/** Chance of a false finding among all that are compared, 0.05, unless it is asked for otherwise. */
export const LEVEL = 0.05;

/** How differences are tested and judged. */
export interface JudgeOptions {
  /**
   * Chance of a false finding among all methods, between 0 and 0.5; intervals have the confidence 1 − level.
   * {@linkcode LEVEL} by default.
   */
  readonly level?: number;
  /** The difference that does not matter, in units of scores, above 0; {@linkcode MARGIN} by default. */
  readonly margin?: number;
  /** How many signs are drawn in tests with more pairs than can be counted out; 10,000 by default. */
  readonly resamples?: number;
  /** Seed of those signs, 0 by default: the same seed gives the same numbers. */
  readonly seed?: number;
  /** Whether the smallest difference and the pairs needed are looked for, a tenth of a second a method; true by default. */
  readonly findsPower?: boolean;
}

/** A method's scores minus another's, on the same tasks and seeds. */
export interface Difference {
  /** Mean over tasks of mean differences. */
  readonly mean: number;
  /** Interval of the mean of 1 − level by {@linkcode meanInterval}; none where a task has a single pair. */
  readonly interval?: Interval;
  /** The same of 1 − 2·level, no wider than that asks for, which lies within the margin where methods are equivalent. */
  readonly inner?: Interval;
  /** Spread of differences within tasks: the root of the mean variance; none where a task has a single pair. */
  readonly spread?: number;
  /** Tasks × seeds with a score of both. */
  readonly pairs: number;
  /** Tasks that have a pair. */
  readonly tasks: readonly string[];
  /** Tasks × seeds that are no pair, as a run failed or was not made. */
  readonly leftOut: number;
  /** p-value of the paired sign-flip test, two-sided. It is not to be read where there are too few pairs. */
  readonly p: number;
  /** p after Holm's correction over the family. */
  readonly adjustedP: number;
  /** The smallest that `adjustedP` could be with so many pairs. */
  readonly smallestP: number;
  /** How many comparisons the correction is over. */
  readonly family: number;
  /** Whether `smallestP` lies above the level: then nothing is called higher or lower. */
  readonly tooFew: boolean;
  /** Whether p was counted out; otherwise signs were drawn. */
  readonly isExact: boolean;
  /** What {@linkcode verdictOf} finds in 80 % of cases: see {@linkcode smallestDifference}. */
  readonly smallest?: number;
  /** Pairs that would show equivalence within the margin in 80 % of cases: see {@linkcode pairsNeeded}. */
  readonly needed?: number;
  /** Mean seconds that a pair took, both runs together; none where rows do not say it. */
  readonly secondsOfPair?: number;
}

/** A method, and what it is held against. */
export type MethodPair = readonly [method: string, against: string];

function spreadOf(strata: Strata): number | undefined {
  if (strata.some(({ length }) => length < 2)) return undefined;
  return Math.sqrt(mean(strata.map((values) => sampleVariance([...values]))));
}

/**
 * Differences of methods to what each is held against, in the order of the pairs, as one family: Holm's correction is
 * over all of them. A pair without a common task and seed has none.
 *
 * Throws a RangeError where a method has two runs of a task and seed, `level` does not lie between 0 and 0.5, or the
 * margin is not above 0.
 *
 * @example
 * ```ts
 * import { comparePairs } from "@delta-dawn/delta-lora/experiment";
 *
 * const rows = [0, 1, 2, 3, 4, 5].flatMap((seed) => [
 *   { task: "rte", seed, method: "lora", score: 0.7 + seed / 500 },
 *   { task: "rte", seed, method: "delta-lora", score: 0.73 + seed / 400 },
 * ]);
 * const [difference, none] = comparePairs(rows, { pairs: [["delta-lora", "lora"], ["delta-lora", "full"]] });
 * console.log(difference?.pairs, difference?.mean.toFixed(4), none); // 6 0.0313 undefined
 * ```
 */
export function comparePairs(
  rows: readonly ScoredRun[],
  { pairs, level = LEVEL, margin = MARGIN, resamples = 10_000, seed = 0, findsPower = true }: JudgeOptions & {
    readonly pairs: readonly MethodPair[];
  },
): (Difference | undefined)[] {
  if (!(level > 0 && level < 0.5)) {
    throw new RangeError(`Cannot compare methods as the level must lie between 0 and 0.5: ${level}`);
  }
  if (!(margin > 0)) throw new RangeError(`Cannot compare methods as the margin must be above 0: ${margin}`);
  const found = pairs.map(([method, baseline]) => {
    const { tasks, differences, leftOut, seconds } = pairedDifferences(rows, { method, baseline });
    if (tasks.length === 0) return undefined;
    return { ...signFlipTest(differences, { resamples, seed }), tasks, differences, leftOut, secondsOfPair: seconds };
  });
  const tested = found.filter((one) => one !== undefined);
  const corrected = correctFamily(tested, level);
  return found.map((one): Difference | undefined => {
    if (!one) return undefined;
    const { differences, ...test } = corrected[tested.indexOf(one)];
    return {
      ...test,
      family: tested.length,
      mean: mean(differences.map((values) => mean([...values]))),
      interval: meanInterval(differences, { confidence: 1 - level }),
      inner: meanInterval(differences, { confidence: 1 - 2 * level, tails: 1 }),
      spread: spreadOf(differences),
      pairs: differences.flat().length,
      smallest: findsPower ? smallestDifference(differences, { level, family: tested.length }) : undefined,
      needed: findsPower ? pairsNeeded(differences, { margin, level }) : undefined,
    };
  });
}
