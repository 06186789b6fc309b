import { compare, type CompareOptions, holm, type ScoredRun } from "../../lib/experiment/mod.ts";
import { tableMarkdown } from "../../lib/experiment/display_table.ts";
import { formatConfidence, formatP, formatPoints } from "../../lib/experiment/points.ts";
import type { Held } from "./ablations_findings.ts";

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
  const adjusted = holm(tested.map(({ p }) => p));
  const smallest = holm(tested.map(({ smallestP }) => smallestP));
  return held.map((one) => {
    if (!one.difference) return one;
    const at = tested.indexOf(one.difference);
    const family = { adjustedP: adjusted[at], smallestP: smallest[at], tooFew: smallest[at] > level };
    return { ...one, difference: { ...one.difference, ...family } };
  });
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
