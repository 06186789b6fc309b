import { lastScoreOf, type RunRecord } from "../../../lib/experiment/records/record.ts";
import {
  compare,
  type Comparison,
  findings,
  type JudgeOptions,
  scoredRuns,
  settingOf,
  spreadsOf,
  widestInterval,
} from "../../../lib/experiment/statistics/mod.ts";
import { comparisonTable, spreadTable } from "../../../lib/experiment/tables/mod.ts";
import { BASELINE } from "../../recipes/baseline.ts";

/** All methods against LoRA, or the first where it is not among them; none where there is one method. */
export function comparisonOf(records: readonly RunRecord[], options: JudgeOptions = {}): Comparison | undefined {
  const rows = scoredRuns(records);
  const methods = [...new Set(rows.map(({ method }) => method))];
  if (methods.length < 2) return undefined;
  return compare(rows, { ...options, baseline: methods.includes(BASELINE) ? BASELINE : methods[0] });
}

/** The full width of the widest interval among all methods' differences to it, as a share. */
export function widestOf(records: readonly RunRecord[]): number {
  const rows = scoredRuns(records);
  const methods = [...new Set(rows.map(({ method }) => method))];
  const baseline = methods.includes(BASELINE) ? BASELINE : methods[0];
  const others = methods.filter((method) => method !== baseline);
  return widestInterval(rows, { pairs: others.map((method) => [method, baseline] as const) });
}

/** What a comparison shows, as paragraphs in Markdown: its findings, the table that they are of, and how far pairs spread. */
export function verdictParts(comparison: Comparison, records: readonly RunRecord[]): string[] {
  const { baseline, level, margin } = comparison;
  const isLate = records.some(({ spec }) => spec.checkpoint === "late");
  const last = isLate ? scoredRuns(records, { score: lastScoreOf }) : undefined;
  const spreads = spreadsOf([{ rows: scoredRuns(records), last, baseline }], { level, margin });
  const spread = spreadTable(spreads, { margin });
  return [
    findings(comparison),
    comparisonTable(comparison, settingOf(records.map(({ spec }) => spec))),
    ...spread === undefined ? [] : [spread],
  ];
}
