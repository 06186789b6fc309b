import { lastScoreOf, type RunRecord } from "../../../lib/experiment/records/record.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import {
  type MethodPair,
  type ScoredRun,
  scoredRuns,
  type SpreadOf,
  widestInterval,
} from "../../../lib/experiment/statistics/mod.ts";
import type { StudyRuns } from "./specs.ts";

/** A study's runs as rows, by the names of its conditions. */
export function rowsOf(
  { runs }: StudyRuns,
  records: ReadonlyMap<RunSpec, RunRecord>,
  score?: (record: RunRecord) => number | undefined,
): ScoredRun[] {
  return runs.flatMap(({ condition, specs }) =>
    scoredRuns(specs.map((spec) => records.get(spec)!), { method: () => condition.name, score })
  );
}

/** What studies compare, by which spreads are found. */
export function comparedRows(studies: readonly StudyRuns[], records: ReadonlyMap<RunSpec, RunRecord>): SpreadOf[] {
  const isLate = records.keys().some(({ checkpoint }) => checkpoint === "late");
  return studies.map((studyRuns) => ({
    baseline: studyRuns.study.baseline,
    rows: rowsOf(studyRuns, records),
    ...isLate && { last: rowsOf(studyRuns, records, lastScoreOf) },
  }));
}

/** The full width of the widest interval of all that studies compare, as a share. */
export function widestOf(studies: readonly StudyRuns[], records: ReadonlyMap<RunSpec, RunRecord>): number {
  const widths = studies.map((studyRuns) => {
    const { baseline, conditions, pairs = [] } = studyRuns.study;
    const others = conditions.filter(({ name }) => name !== baseline).map(({ name }): MethodPair => [name, baseline]);
    return widestInterval(rowsOf(studyRuns, records), { pairs: [...others, ...pairs] });
  });
  return Math.max(...widths);
}
