import { mean, sampleStandardDeviation } from "simple-statistics";
import { type RunRecord, scoreOf } from "../records/record.ts";

/** Scores of one method on one task over its seeds. */
export interface Cell {
  /** The task's name. */
  readonly task: string;
  /** The method's name. */
  readonly method: string;
  /** Scores of the runs that finished. */
  readonly scores: readonly number[];
  /** How many runs failed. */
  readonly failures: number;
  /** Mean score; `undefined` without any. */
  readonly mean?: number;
  /** Sample standard deviation; `undefined` with fewer than two scores. */
  readonly deviation?: number;
}

/**
 * Scores of records by task and method over seeds: a cell for each task and method, in the order in which they first
 * come.
 *
 * @example
 * ```ts
 * import { type RunRecord, summarize } from "@delta-dawn/delta-lora/experiment";
 *
 * const meansOf = (records: readonly RunRecord[]) =>
 *   summarize(records).map(({ task, method, mean }) => [task, method, mean]);
 * ```
 */
export function summarize(records: readonly RunRecord[]): Cell[] {
  const groups = new Map<string, RunRecord[]>();
  for (const record of records) {
    const key = `${record.spec.task}\n${record.spec.method.name}`;
    groups.set(key, [...groups.get(key) ?? [], record]);
  }
  return [...groups.values()].map((group): Cell => {
    const scores = group.map(scoreOf).filter((score) => score !== undefined);
    return {
      task: group[0].spec.task,
      method: group[0].spec.method.name,
      scores,
      failures: group.filter(({ status }) => status === "failed").length,
      mean: scores.length > 0 ? mean(scores) : undefined,
      deviation: scores.length > 1 ? sampleStandardDeviation(scores) : undefined,
    };
  });
}
