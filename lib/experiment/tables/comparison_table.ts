import type { Comparison, Difference, MethodScores } from "../statistics/compare.ts";
import { tableMarkdown } from "./table.ts";
import { digitsOf, formatConfidence, formatP, formatPoints, type PointOptions } from "../statistics/points.ts";
import type { TableSetting } from "../statistics/scored_runs.ts";
import { EXACT_PAIRS } from "../statistics/sign_flip_test.ts";
import { plural } from "../../text/plural.ts";

/** Options of {@linkcode comparisonTable}: how the runs were scored, and how scores are printed. */
export type ComparisonTableOptions = TableSetting & PointOptions;

/** Below so many pairs an interval by resampling is too narrow: no mean lies beyond the values. */
const FEW_PAIRS = 5;

/**
 * A comparison as a Markdown table, with what its numbers are below: metric, split, checkpoint rule, seeds, baseline,
 * correction, and where there is no test, no interval, or a pair is missing.
 *
 * @example
 * ```ts
 * import { compare, comparisonTable } from "@delta-dawn/delta-lora/experiment";
 *
 * const rows = [0, 1, 2].flatMap((seed) => [
 *   { task: "rte", seed, method: "lora", score: 0.7 + seed / 500 },
 *   { task: "rte", seed, method: "delta-lora", score: 0.73 + seed / 400 },
 * ]);
 * const setting = { metric: "accuracy", split: "dev", checkpoint: "last" };
 * const lines = comparisonTable(compare(rows, { baseline: "lora" }), setting).split("\n");
 * console.log(lines.find((line) => line.startsWith("| delta-lora")) !== undefined); // true
 * ```
 */
export function comparisonTable(comparison: Comparison, options: ComparisonTableOptions): string {
  const { scale = 100 } = options;
  const digits = digitsOf(comparison, { scale });
  const points = (value: number | undefined, isSigned = false) =>
    value === undefined ? "–" : formatPoints(scale * value, { digits, isSigned });
  const rows = comparison.methods.map(({ method, mean, deviation, median, runs, difference }) => ({
    method,
    mean: points(mean),
    sd: points(deviation),
    median: points(median),
    runs: String(runs),
    [`against ${comparison.baseline}`]: points(difference?.mean, true),
    [`${formatConfidence(comparison.level)} interval`]: difference?.interval
      ? difference.interval.map((end) => points(end, true)).join(" … ")
      : "–",
    pairs: difference ? String(difference.pairs) : "–",
    "p (Holm)": difference && !difference.tooFew ? formatP(difference.adjustedP) : "–",
  }));
  return [tableMarkdown(rows), "", ...captionLines(comparison, options)].join("\n");
}

/** Lines of a list: what the numbers of a comparison's table are. */
function captionLines(
  { baseline, level, resamples, tasks, seeds, methods }: Comparison,
  { metric, split, checkpoint, scale = 100 }: ComparisonTableOptions,
): string[] {
  const compared = methods.flatMap(({ method, difference }) => difference ? [{ method, ...difference }] : []);
  const named = (chosen: (difference: Difference) => boolean) =>
    compared.filter(chosen).map(({ method }) => method).join(", ");
  const tested = named(({ tooFew }) => !tooFew);
  const drawn = named(({ isExact, tooFew }) => !isExact && !tooFew);
  const untested = named(({ tooFew }) => tooFew);
  const bare = named(({ interval }) => !interval);
  const narrow = named(({ interval, pairs }) => interval !== undefined && pairs < FEW_PAIRS);
  const apart = methods.filter(({ method, difference }) => method !== baseline && !difference);
  const missing = compared.filter(({ leftOut }) => leftOut > 0)
    .map(({ method, pairs, leftOut }) => `${method} ${leftOut} of ${pairs + leftOut}`);
  const partial = methods.filter((scores: MethodScores) => scores.tasks.length < tasks.length)
    .map((scores) => `${scores.method} on ${scores.tasks.join(", ") || "none"}`);
  const times = resamples.toLocaleString("en");
  const lines = [
    `Metric: ${metric}${scale === 100 ? ", in per cent" : ""}; ${split} split; ${checkpoint} checkpoint; seeds ` +
    `${seeds.join(", ")}; ${tasks.length === 1 ? "task" : "tasks"} ${tasks.join(", ")}` +
    `${tasks.length > 1 ? ", each weighing the same; sd is within tasks, the median over seeds" : ""}.`,
    `Differences to ${baseline} on the same task and seed; ${formatConfidence(level)} bootstrap intervals, pairs ` +
    `resampled within tasks ${times} times, widened for few pairs: they speak of other seeds on these tasks.`,
    ...tested
      ? [
        `p: paired sign-flip test stratified by task, ${drawn ? "" : "exact, "}two-sided, Holm's correction over ` +
        `${plural(compared.length, "method")}; level ${level}.` +
        (drawn ? ` Exact to ${EXACT_PAIRS} pairs; of ${times} drawn signs: ${drawn}.` : ""),
      ]
      : [],
    ...untested ? [`Too few pairs for a test to reach the level ${level}, intervals only: ${untested}.`] : [],
    ...narrow ? [`Fewer than ${FEW_PAIRS} pairs, so the interval is too narrow: ${narrow}.`] : [],
    ...bare ? [`A task with a single pair, so no interval: ${bare}.`] : [],
    ...missing.length > 0 ? [`Pairs left out, as a run failed or was not made: ${missing.join("; ")}.`] : [],
    ...apart.length > 0
      ? [`No task and seed shared with ${baseline}: ${apart.map(({ method }) => method).join(", ")}.`]
      : [],
    ...partial.length > 0 ? [`Scores of some tasks alone: ${partial.join("; ")}.`] : [],
  ];
  return lines.map((line) => `- ${line}`);
}
