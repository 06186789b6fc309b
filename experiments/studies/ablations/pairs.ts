import {
  comparePairs,
  type JudgeOptions,
  type MethodPair,
  type ScoredRun,
  type VerdictOptions,
} from "../../../lib/experiment/statistics/mod.ts";
import { judgedColumns } from "../../../lib/experiment/tables/comparison_table.ts";
import { tableMarkdown } from "../../../lib/experiment/tables/table.ts";
import { formatConfidence, formatPoints } from "../../../lib/experiment/statistics/points.ts";
import { type Held, POINTS } from "./findings.ts";

/** Pairs of methods held against each other as one family: Holm's correction is over all of them. */
export function holdPairs(
  rows: readonly ScoredRun[],
  options: JudgeOptions & { readonly pairs: readonly MethodPair[] },
): Held[] {
  const differences = comparePairs(rows, options);
  return options.pairs.map(([method, against], i) => ({ method, against, difference: differences[i] }));
}

/** The pairs as a Markdown table. */
export function pairTable(held: readonly Held[], options: VerdictOptions): string {
  const points = (value: number | undefined) =>
    value === undefined ? "–" : formatPoints(100 * value, { digits: 1, isSigned: true });
  return tableMarkdown(held.map(({ method, against, difference }) => ({
    method,
    against,
    difference: points(difference?.mean),
    [`${formatConfidence(options.level)} interval`]: difference?.interval?.map(points).join(" … ") ?? "–",
    pairs: String(difference?.pairs ?? 0),
    ...judgedColumns(difference, { ...POINTS, ...options }),
  })));
}
