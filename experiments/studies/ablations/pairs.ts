import { compare, type CompareOptions, correctFamily, type ScoredRun } from "../../../lib/experiment/statistics/mod.ts";
import { tableMarkdown } from "../../../lib/experiment/tables/table.ts";
import { formatConfidence, formatP, formatPoints } from "../../../lib/experiment/statistics/points.ts";
import type { Held } from "./findings.ts";

/** Pairs of methods held against each other as one family: Holm's correction is over all of them. */
export function holdPairs(
  rows: readonly ScoredRun[],
  { pairs, level = 0.05, ...options }: Omit<CompareOptions, "baseline"> & {
    readonly pairs: readonly (readonly [method: string, against: string])[];
  },
): Held[] {
  const held = pairs.map(([method, against]): Held => {
    const own = rows.filter((row) => row.method === method || row.method === against);
    const { methods } = compare(own, { baseline: against, level, ...options });
    return { method, against, difference: methods.find((one) => one.method === method)?.difference };
  });
  const tested = held.flatMap(({ difference }) => difference ?? []);
  const corrected = correctFamily(tested, level);
  return held.map((one) => one.difference ? { ...one, difference: corrected[tested.indexOf(one.difference)] } : one);
}

/** The pairs as a Markdown table. */
export function pairTable(held: readonly Held[], { level }: { readonly level: number }): string {
  const points = (value: number | undefined) =>
    value === undefined ? "–" : formatPoints(100 * value, { digits: 1, isSigned: true });
  return tableMarkdown(held.map(({ method, against, difference }) => ({
    method,
    against,
    difference: points(difference?.mean),
    [`${formatConfidence(level)} interval`]: difference?.interval?.map(points).join(" … ") ?? "–",
    pairs: String(difference?.pairs ?? 0),
    "p (Holm)": difference && !difference.tooFew ? formatP(difference.adjustedP) : "–",
  })));
}
