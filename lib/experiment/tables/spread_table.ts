import { mean, sampleVariance } from "simple-statistics";
import { LEVEL, MARGIN } from "../statistics/compare_pairs.ts";
import { pairedDifferences, scoresByTask } from "../statistics/paired_differences.ts";
import { formatPoints } from "../statistics/points.ts";
import { pairsAtSpread } from "../statistics/power.ts";
import type { ScoredRun } from "../statistics/scored_runs.ts";
import { tableMarkdown } from "./table.ts";

/** Methods that are compared: all others of the rows with the baseline. */
export interface SpreadOf {
  /** Scores as they are compared. */
  readonly rows: readonly ScoredRun[];
  /** Scores of the last state alone, where those of several late ones are compared. */
  readonly last?: readonly ScoredRun[];
  /** What the others are held against. */
  readonly baseline: string;
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
 * spread, as a Markdown table: were seeds each method's own, with the seeds that pairs share, and with the mean over
 * late states where that is the score. Each row is over all comparisons, as the root of the mean variance; `undefined`
 * where no comparison has a spread.
 *
 * @example
 * ```ts
 * import { spreadTable } from "@delta-dawn/delta-lora/experiment";
 *
 * const rows = [0, 1, 2, 3].flatMap((seed) => [
 *   { task: "rte", seed, method: "lora", score: 0.7 + seed / 50 },
 *   { task: "rte", seed, method: "delta-lora", score: 0.7 + seed / 48 },
 * ]);
 * const lines = spreadTable([{ rows, baseline: "lora" }])!.split("\n");
 * console.log(lines[2].split("|")[2].trim(), lines[3].split("|")[2].trim()); // 3.7 0.1
 * ```
 */
export function spreadTable(
  groups: readonly SpreadOf[],
  { level = LEVEL, margin = MARGIN }: { readonly level?: number; readonly margin?: number } = {},
): string | undefined {
  const over = (variancesOf: (group: SpreadOf, method: string) => readonly number[]) => {
    const all = groups.flatMap((group) => others(group).flatMap((method) => variancesOf(group, method)));
    return all.length > 0 ? Math.sqrt(mean(all)) : undefined;
  };
  const isLate = groups.some(({ last }) => last);
  const rows: readonly (readonly [what: string, spread: number | undefined])[] = [
    ["runs with seeds of their own", over(apart)],
    [
      "pairs: the same first weights, order of examples and keys of dropout",
      over((group, method) => paired(group, method, group.last ?? group.rows)),
    ],
    ...isLate
      ? [["and the mean over late states", over((group, method) => paired(group, method, group.rows))] as const]
      : [],
  ];
  const known = rows.flatMap(([what, spread]) => spread === undefined ? [] : [{ what, spread }]);
  if (known.length === 0) return undefined;
  return tableMarkdown(known.map(({ what, spread }) => ({
    "differences of": what,
    "spread, points": formatPoints(100 * spread, { digits: 1 }),
    [`pairs for ±${Number((100 * margin).toPrecision(3))}`]: String(
      Math.ceil(pairsAtSpread(spread, { level, margin })),
    ),
  })));
}
