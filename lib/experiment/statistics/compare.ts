import { mean, median, sampleVariance } from "simple-statistics";
import { comparePairs, type Difference, type JudgeOptions, LEVEL, MARGIN } from "./compare_pairs.ts";
import { scoresByTask } from "./paired_differences.ts";
import type { ScoredRun } from "./scored_runs.ts";

/** Options of {@linkcode compare}. */
export interface CompareOptions extends JudgeOptions {
  /** The method that all others are held against. */
  readonly baseline: string;
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
  /** The difference that does not matter, in units of scores. */
  readonly margin: number;
  /** How many signs were drawn where they were not counted out. */
  readonly resamples: number;
  /** Names of the tasks, in the order in which they first come. */
  readonly tasks: readonly string[];
  /** The seeds, ascending. */
  readonly seeds: readonly number[];
  /** Scores of the baseline, then of the other methods in the order in which they first come. */
  readonly methods: readonly MethodScores[];
}

/**
 * Holds methods against a baseline over the same tasks and seeds: means, intervals of paired differences, and paired
 * permutation tests stratified by task with Holm's correction over the methods. Every task weighs the same.
 *
 * Where there are too few pairs for a test to reach the level after the correction, `tooFew` says so. Runs without a
 * partner stay in means and are left out of differences and counted.
 *
 * Throws a RangeError where the baseline has no run, and where {@linkcode comparePairs} does.
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
export function compare(rows: readonly ScoredRun[], { baseline, ...options }: CompareOptions): Comparison {
  const { level = LEVEL, margin = MARGIN, resamples = 10_000 } = options;
  const methods = [...new Set(rows.map(({ method }) => method))];
  if (!methods.includes(baseline)) {
    throw new RangeError(`Cannot compare with ${baseline} as it has no run: there are ${methods.join(", ") || "none"}`);
  }
  const others = methods.filter((method) => method !== baseline);
  const differences = comparePairs(rows, { ...options, pairs: others.map((method) => [method, baseline] as const) });
  return {
    baseline,
    level,
    margin,
    resamples,
    tasks: [...new Set(rows.map(({ task }) => task))],
    seeds: [...new Set(rows.map(({ seed }) => seed))].sort((a, b) => a - b),
    methods: [
      scoresOf(rows, baseline),
      ...others.map((method, i) => ({ ...scoresOf(rows, method), difference: differences[i] })),
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
