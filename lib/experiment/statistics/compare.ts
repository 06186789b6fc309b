import { mean, median, sampleVariance } from "simple-statistics";
import { bootstrapInterval, type Interval } from "./bootstrap_interval.ts";
import { correctFamily } from "./holm.ts";
import { pairedDifferences, scoresByTask } from "./paired_differences.ts";
import type { ScoredRun } from "./scored_runs.ts";
import { signFlipTest } from "./sign_flip_test.ts";

/** Options of {@linkcode compare}. */
export interface CompareOptions {
  /** The method that all others are held against. */
  readonly baseline: string;
  /**
   * Chance of a false finding among all methods, between 0 and 1; intervals have the confidence 1 − level. 0.05 by
   * default.
   */
  readonly level?: number;
  /** How often each interval, and each test with more pairs than can be counted out, resamples; 10,000 by default. */
  readonly resamples?: number;
  /** Seed of the resampling, 0 by default: the same seed gives the same numbers. */
  readonly seed?: number;
}

/** A method's scores minus the baseline's, on the same tasks and seeds. */
export interface Difference {
  /** Mean over tasks of mean differences. */
  readonly mean: number;
  /** Bootstrap interval of the mean, pairs resampled within tasks; none where a task has a single pair. */
  readonly interval?: Interval;
  /** Tasks × seeds with a score of both. */
  readonly pairs: number;
  /** Tasks that have a pair. */
  readonly tasks: readonly string[];
  /** Tasks × seeds that are no pair, as a run failed or was not made. */
  readonly leftOut: number;
  /** p-value of the paired sign-flip test, two-sided. It is not to be read where there are too few pairs. */
  readonly p: number;
  /** p after Holm's correction over all methods but the baseline. */
  readonly adjustedP: number;
  /** The smallest that `adjustedP` could be with so many pairs. */
  readonly smallestP: number;
  /** Whether `smallestP` lies above the level: then there is no test, only the interval. */
  readonly tooFew: boolean;
  /** Whether p was counted out; otherwise signs were drawn. */
  readonly isExact: boolean;
}

/** A method's scores, each task weighing the same. */
export interface MethodScores {
  /** The method's name. */
  readonly method: string;
  /** Runs that have a score. */
  readonly runs: number;
  /** Runs that have none. */
  readonly failures: number;
  /** Tasks that have a score. */
  readonly tasks: readonly string[];
  /** Mean over tasks of means over seeds. */
  readonly mean?: number;
  /** Sample standard deviation within tasks: the root of the mean variance; none where a task has a single score. */
  readonly deviation?: number;
  /** Mean over tasks of medians over seeds. */
  readonly median?: number;
  /** What it scores beyond the baseline; none for the baseline, and where no task and seed has both. */
  readonly difference?: Difference;
}

/** What {@linkcode compare} finds. */
export interface Comparison {
  /** The method that the others are held against. */
  readonly baseline: string;
  /** The level below which p counts as a difference. */
  readonly level: number;
  /** How often means were resampled. */
  readonly resamples: number;
  /** Names of the tasks, in the order in which they first come. */
  readonly tasks: readonly string[];
  /** The seeds, ascending. */
  readonly seeds: readonly number[];
  /** Scores of the baseline, then of the other methods in the order in which they first come. */
  readonly methods: readonly MethodScores[];
}

/**
 * Holds methods against a baseline over the same tasks and seeds: means, bootstrap intervals of paired differences, and
 * paired permutation tests stratified by task with Holm's correction over the methods. Every task weighs the same.
 *
 * Where there are too few pairs for a test to reach the level after the correction, `tooFew` says so. Runs without a
 * partner stay in means and are left out of differences and counted.
 *
 * Throws a RangeError where the baseline has no run, a method has two runs of a task and seed, or `level` does not lie
 * between 0 and 1.
 *
 * @example
 * ```ts
 * import { compare } from "@delta-dawn/delta-lora/experiment";
 *
 * const rows = [0, 1, 2, 3, 4, 5].flatMap((seed) => [
 *   { task: "rte", seed, method: "lora", score: 0.7 + seed / 500 },
 *   { task: "rte", seed, method: "delta-lora", score: 0.73 + seed / 400 },
 * ]); // or scoredRuns(records)
 * const { difference } = compare(rows, { baseline: "lora" }).methods[1];
 * console.log(difference?.pairs, difference?.adjustedP, difference?.mean.toFixed(4)); // 6 0.03125 0.0313
 * ```
 */
export function compare(
  rows: readonly ScoredRun[],
  { baseline, level = 0.05, resamples = 10_000, seed = 0 }: CompareOptions,
): Comparison {
  if (!(level > 0 && level < 1)) {
    throw new RangeError(`Cannot compare methods as the level must lie between 0 and 1: ${level}`);
  }
  const methods = [...new Set(rows.map(({ method }) => method))];
  if (!methods.includes(baseline)) {
    throw new RangeError(`Cannot compare with ${baseline} as it has no run: there are ${methods.join(", ") || "none"}`);
  }
  const others = methods.filter((method) => method !== baseline);
  const found = others.map((method) => {
    const { tasks, differences, leftOut } = pairedDifferences(rows, { method, baseline });
    if (tasks.length === 0) return undefined;
    return {
      ...signFlipTest(differences, { resamples, seed }),
      mean: mean(differences.map((values) => mean([...values]))),
      interval: bootstrapInterval(differences, { confidence: 1 - level, resamples, seed }),
      pairs: differences.flat().length,
      tasks,
      leftOut,
    };
  });
  const tested = found.filter((difference) => difference !== undefined);
  const corrected = correctFamily(tested, level);
  const differences = new Map(tested.map((difference, i) => [difference, corrected[i]]));
  return {
    baseline,
    level,
    resamples,
    tasks: [...new Set(rows.map(({ task }) => task))],
    seeds: [...new Set(rows.map(({ seed }) => seed))].sort((a, b) => a - b),
    methods: [
      scoresOf(rows, baseline),
      ...others.map((method, i) => ({
        ...scoresOf(rows, method),
        difference: found[i] && differences.get(found[i]),
      })),
    ],
  };
}

function scoresOf(rows: readonly ScoredRun[], method: string): MethodScores {
  const byTask = scoresByTask(rows, method);
  const scores = [...byTask.values()];
  const runs = scores.flat().length;
  const hasSpread = runs > 0 && scores.every(({ length }) => length > 1);
  return {
    method,
    runs,
    failures: rows.filter((row) => row.method === method).length - runs,
    tasks: [...byTask.keys()],
    mean: runs > 0 ? mean(scores.map((values) => mean(values))) : undefined,
    deviation: hasSpread ? Math.sqrt(mean(scores.map((values) => sampleVariance(values)))) : undefined,
    median: runs > 0 ? mean(scores.map((values) => median(values))) : undefined,
  };
}
