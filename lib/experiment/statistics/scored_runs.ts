import { type RunRecord, scoreOf } from "../records/record.ts";
import type { RunSpec } from "../specs/run_spec.ts";
import { distinct } from "../../text/distinct.ts";

/** A run as statistics see it: a row of a table. */
export interface ScoredRun {
  /** The task's name. */
  readonly task: string;
  /** The run's seed. Runs of one task and seed are a pair: they share the order of the data and the first weights. */
  readonly seed: number;
  /** What the run is called in comparisons: its method's name, as a rule. */
  readonly method: string;
  /** The score, from 0 to 1 or as the metric has it; larger is better. It is `undefined` where the run failed. */
  readonly score?: number;
  /** Seconds of a machine that it took: its share of those of all runs that were under way at once. */
  readonly seconds?: number;
}

/** A run's share of the seconds of its machine; none where it failed. */
export function ownSeconds({ result }: RunRecord): number | undefined {
  return result && result.wallSeconds / (result.parallel ?? 1) / (result.cells ?? 1);
}

/** Options of {@linkcode scoredRuns}. */
export interface ScoredRunOptions<Axes> {
  /** What the run is called; by default its method's name. */
  readonly method?: (spec: RunSpec) => string;
  /** The run's score; by default that of the metric that its spec names. */
  readonly score?: (record: RunRecord) => number | undefined;
  /** Further columns, such as `rank` or `learningRate`. */
  readonly axes?: (spec: RunSpec) => Axes;
}

/**
 * Rows for statistics of records, in their order; runs that failed come without a score. With `axes` they have further
 * columns, which {@linkcode axisFigure} and {@linkcode learningRateSweep} need.
 *
 * @example
 * ```ts
 * import { learningRateSweep, type RunRecord, scoredRuns } from "@delta-dawn/delta-lora/experiment";
 *
 * function bestRates(records: readonly RunRecord[]) {
 *   const rows = scoredRuns(records, { axes: ({ optimizer }) => ({ learningRate: optimizer.learningRate }) });
 *   return learningRateSweep(rows, { tableSeeds: [0, 1] });
 * }
 * ```
 */
export function scoredRuns<Axes extends object>(
  records: readonly RunRecord[],
  options: ScoredRunOptions<Axes> & Required<Pick<ScoredRunOptions<Axes>, "axes">>,
): (ScoredRun & Axes)[];
/** Rows for statistics of records, in their order; runs that failed come without a score. */
export function scoredRuns(records: readonly RunRecord[], options?: ScoredRunOptions<object>): ScoredRun[];
export function scoredRuns(
  records: readonly RunRecord[],
  { method = (spec) => spec.method.name, score = scoreOf, axes }: ScoredRunOptions<object> = {},
): ScoredRun[] {
  return records.map((record) => ({
    task: record.spec.task,
    seed: record.spec.seed,
    method: method(record.spec),
    score: record.status === "finished" ? score(record) : undefined,
    seconds: ownSeconds(record),
    ...axes?.(record.spec),
  }));
}

/** What every table prints of how its runs were made and scored. */
export interface TableSetting {
  /** The metric, or those of the tasks, with commas between. */
  readonly metric: string;
  /** The examples that are scored, such as `dev`. */
  readonly split: string;
  /** Which state was scored: `last`, or `best` on the dev split. */
  readonly checkpoint: string;
}

/**
 * How runs were scored, for {@linkcode comparisonTable}: each part as often as it differs, metrics by task. There must
 * be a spec.
 *
 * @example
 * ```ts
 * import { compare, comparisonTable, type RunRecord, scoredRuns, settingOf } from "@delta-dawn/delta-lora/experiment";
 *
 * function tableOf(records: readonly RunRecord[]) {
 *   const comparison = compare(scoredRuns(records), { baseline: "lora" });
 *   return comparisonTable(comparison, settingOf(records.map(({ spec }) => spec)));
 * }
 * ```
 */
export function settingOf(specs: readonly RunSpec[]): TableSetting {
  const metrics = new Set(specs.map(({ metric }) => metric));
  return {
    metric: metrics.size === 1 ? specs[0].metric : distinct(specs.map(({ task, metric }) => `${task} ${metric}`)),
    split: distinct(specs.map(({ split }) => split)),
    checkpoint: distinct(specs.map(({ checkpoint }) => checkpoint)),
  };
}
