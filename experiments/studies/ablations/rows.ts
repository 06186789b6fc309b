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

/** The full width of the widest interval of all that studies report, as a share: on each task where they compare by task. */
export function widestOf(studies: readonly StudyRuns[], records: ReadonlyMap<RunSpec, RunRecord>): number {
  const widths = studies.flatMap((studyRuns) => {
    const { study: { baseline, pairs = [], comparesTasks }, runs } = studyRuns;
    // Of those that ran: where sizes are made equal there are others than the study names.
    const others = runs.map(({ condition: { name } }) => name).filter((name) => name !== baseline)
      .map((name): MethodPair => [name, baseline]);
    const rows = rowsOf(studyRuns, records);
    const families = comparesTasks ? [...Map.groupBy(rows, ({ task }) => task).values()] : [rows];
    return families.map((own) => widestInterval(own, { pairs: [...others, ...pairs] }));
  });
  return Math.max(...widths);
}
