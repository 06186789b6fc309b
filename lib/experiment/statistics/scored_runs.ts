import { type RunRecord, scoreOf } from "../records/record.ts";
import type { RunSpec } from "../specs/run_spec.ts";

/** A run as statistics see it. */
export interface ScoredRun {
  /** The task's name. */
  readonly task: string;
  /** Runs of one task and seed are a pair: they share the order of the data and the first weights. */
  readonly seed: number;
  /** What the run is called. */
  readonly method: string;
  /** From 0 to 1, or as the metric has it; larger is better. `undefined` where the run failed. */
  readonly score?: number;
}

/** Options of {@linkcode scoredRuns}. */
export interface ScoredRunOptions<Axes> {
  /** What the run is called; by default its method's name. */
  readonly method?: (spec: RunSpec) => string;
  /** Further columns, such as `rank` or `learningRate`. */
  readonly axes?: (spec: RunSpec) => Axes;
}

/** Rows for statistics of records, in their order; runs that failed come without a score. */
export function scoredRuns<Axes extends object>(
  records: readonly RunRecord[],
  options: ScoredRunOptions<Axes> & Required<Pick<ScoredRunOptions<Axes>, "axes">>,
): (ScoredRun & Axes)[];
/** Rows for statistics of records, in their order; runs that failed come without a score. */
export function scoredRuns(records: readonly RunRecord[], options?: ScoredRunOptions<object>): ScoredRun[];
export function scoredRuns(
  records: readonly RunRecord[],
  { method = (spec) => spec.method.name, axes }: ScoredRunOptions<object> = {},
): ScoredRun[] {
  return records.map((record) => ({
    task: record.spec.task,
    seed: record.spec.seed,
    method: method(record.spec),
    score: record.status === "finished" ? scoreOf(record) : undefined,
    ...axes?.(record.spec),
  }));
}

/** What every table prints of how its runs were made and scored. */
export interface TableSetting {
  /** The metric, or those of the tasks. */
  readonly metric: string;
  /** The examples that are scored. */
  readonly split: string;
  /** Which state was scored: the last, or the best on the dev split. */
  readonly checkpoint: string;
}

/** The setting of runs, each part as often as it differs: metrics by task. */
export function settingOf(specs: readonly RunSpec[]): TableSetting {
  const each = (values: readonly string[]) => [...new Set(values)].join(", ");
  const metrics = new Set(specs.map(({ metric }) => metric));
  return {
    metric: metrics.size === 1 ? specs[0].metric : each(specs.map(({ task, metric }) => `${task} ${metric}`)),
    split: each(specs.map(({ split }) => split)),
    checkpoint: each(specs.map(({ checkpoint }) => checkpoint)),
  };
}
