import { mean, sampleVariance } from "simple-statistics";
import { LEVEL, MARGIN } from "./compare_pairs.ts";
import { pairedDifferences, scoresByTask } from "./paired_differences.ts";
import { pairsAtSpread } from "./power.ts";
import type { ScoredRun } from "./scored_runs.ts";

/** Methods that are compared: all others of the rows with the baseline. */
export interface SpreadOf {
  /** Scores as they are compared. */
  readonly rows: readonly ScoredRun[];
  /** Scores of the last state alone, where those of several late ones are compared. */
  readonly last?: readonly ScoredRun[];
  /** What the others are held against. */
  readonly baseline: string;
}

/** How far differences spread, one way to have them. */
export interface Spread {
  /** What the differences are of, in words. */
  readonly what: string;
  /** Their standard deviation, in units of scores. */
  readonly spread: number;
  /** How many pairs show equivalence within the margin at that spread. */
  readonly pairs: number;
}

/** Options of {@linkcode spreadsOf}. */
export interface SpreadOptions {
  /** Level of the tests; 0.05 by default. */
  readonly level?: number;
  /** Differences of at most so much are none, in units of scores; 0.02 by default. */
  readonly margin?: number;
}

const others = ({ rows, baseline }: SpreadOf) =>
  [...new Set(rows.map(({ method }) => method))].filter((method) => method !== baseline);

/** Mean variance within tasks; none where a task has a single value. */
function varianceOf(strata: readonly (readonly number[])[]): number[] {
  if (strata.length === 0 || strata.some(({ length }) => length < 2)) return [];
  return [mean(strata.map((values) => sampleVariance([...values])))];
}

/** Variances of differences between runs whose seeds have nothing to do with each other. */
function apart({ rows, baseline }: SpreadOf, method: string): number[] {
  const [own, other] = [method, baseline].map((name) => varianceOf([...scoresByTask(rows, name).values()]));
  return own.length > 0 && other.length > 0 ? [own[0] + other[0]] : [];
}

const paired = ({ baseline }: SpreadOf, method: string, rows: readonly ScoredRun[]) =>
  varianceOf(pairedDifferences(rows, { method, baseline }).differences);

/**
 * How far differences between methods spread over seeds, and how many pairs show equivalence within a margin at that
 * spread: were seeds each method's own, with the seeds that pairs share, and with the mean over late states where that is
 * the score. Each is over all comparisons, as the root of the mean variance; none where no comparison has a spread.
 * `spreadTable` lays them out.
 *
 * @example
 * ```ts
 * import { spreadsOf } from "@delta-dawn/delta-lora/experiment";
 *
 * const rows = [0, 1, 2, 3].flatMap((seed) => [
 *   { task: "rte", seed, method: "lora", score: 0.7 + seed / 50 },
 *   { task: "rte", seed, method: "delta-lora", score: 0.7 + seed / 48 },
 * ]);
 * const [own, paired] = spreadsOf([{ rows, baseline: "lora" }]);
 * console.log(own.spread.toFixed(3), paired.spread.toFixed(3)); // 0.037 0.001
 * ```
 */
export function spreadsOf(
  groups: readonly SpreadOf[],
  { level = LEVEL, margin = MARGIN }: SpreadOptions = {},
): Spread[] {
  const over = (variancesOf: (group: SpreadOf, method: string) => readonly number[]) => {
    const all = groups.flatMap((group) => others(group).flatMap((method) => variancesOf(group, method)));
    return all.length > 0 ? Math.sqrt(mean(all)) : undefined;
  };
  const isLate = groups.some(({ last }) => last);
  const known: readonly (readonly [what: string, spread: number | undefined])[] = [
    [
      "runs with seeds of their own",
      over((group, method) => apart({ ...group, rows: group.last ?? group.rows }, method)),
    ],
    [
      "pairs: the same first weights, order of examples and keys of dropout",
      over((group, method) => paired(group, method, group.last ?? group.rows)),
    ],
    ...isLate
      ? [["and the mean over late states", over((group, method) => paired(group, method, group.rows))] as const]
      : [],
  ];
  return known.flatMap(([what, spread]) =>
    spread === undefined ? [] : [{ what, spread, pairs: pairsAtSpread(spread, { level, margin }) }]
  );
}
