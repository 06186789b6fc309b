import type { Comparison, MethodScores } from "../statistics/compare.ts";
import type { Difference } from "../statistics/compare_pairs.ts";
import { tableMarkdown, type TableRow } from "./table.ts";
import { digitsOf, formatConfidence, formatP, formatPoints, type PointOptions } from "../statistics/points.ts";
import type { TableSetting } from "../statistics/scored_runs.ts";
import { verdictWords, type WordOptions } from "../statistics/say_verdict.ts";
import { EXACT_PAIRS } from "../statistics/sign_flip_test.ts";
import { ruleText } from "../statistics/verdict.ts";
import { plural } from "../../text/plural.ts";

/** Options of {@linkcode comparisonTable}: how the runs were scored, and how scores are printed. */
export interface ComparisonTableOptions extends TableSetting, PointOptions {
  /** Whether the rule of verdicts stands elsewhere, and not below the table; false by default. */
  readonly omitsRule?: boolean;
}

/**
 * A comparison as a Markdown table, with what its numbers are below: metric, split, checkpoint rule, seeds, baseline,
 * correction, the rule of verdicts, and where pairs are too few, no interval is known, or a pair is missing.
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
  const lines = comparisonLines(comparison, options).map((line) => `- ${line}`);
  return [tableMarkdown(comparisonRows(comparison, options)), "", ...lines].join("\n");
}

/** The rows of {@linkcode comparisonTable}, a method each. */
export function comparisonRows(comparison: Comparison, { scale = 100 }: PointOptions = {}): TableRow[] {
  const { level, margin } = comparison;
  const digits = digitsOf(comparison, { scale });
  const points = (value: number | undefined, isSigned = false) =>
    value === undefined ? "–" : formatPoints(scale * value, { digits, isSigned });
  return comparison.methods.map(({ method, mean, deviation, median, runs, difference }) => ({
    method,
    mean: points(mean),
    sd: points(deviation),
    median: points(median),
    runs: String(runs),
    [`against ${comparison.baseline}`]: points(difference?.mean, true),
    [`${formatConfidence(level)} interval`]: difference?.interval
      ? difference.interval.map((end) => points(end, true)).join(" … ")
      : "–",
    pairs: difference ? String(difference.pairs) : "–",
    ...judgedColumns(difference, { scale, digits, level, margin }),
  }));
}

/** What the rule says of a difference, and what so many pairs can find, as columns of a table. */
export function judgedColumns(difference: Difference | undefined, options: WordOptions): TableRow {
  const { scale, digits } = options;
  const { tooFew = true, adjustedP = 1, smallest, needed } = difference ?? {};
  return {
    "p (Holm)": tooFew ? "–" : formatP(adjustedP),
    "smallest difference": smallest === undefined ? "–" : formatPoints(scale * smallest, { digits }),
    "pairs needed": needed === undefined ? "–" : String(needed),
    verdict: verdictWords(difference, options),
  };
}

/** What the numbers of {@linkcode comparisonTable} are, in sentences that stand in a list. */
export function comparisonLines(
  { baseline, level, margin, resamples, tasks, seeds, methods }: Comparison,
  { metric, split, checkpoint, omitsRule, scale = 100 }: ComparisonTableOptions,
): string[] {
  const compared = methods.flatMap(({ method, difference }) => difference ? [{ method, ...difference }] : []);
  const named = (chosen: (difference: Difference) => boolean) =>
    compared.filter(chosen).map(({ method }) => method).join(", ");
  const tested = named(({ tooFew }) => !tooFew);
  const drawn = named(({ isExact, tooFew }) => !isExact && !tooFew);
  const untested = named(({ tooFew }) => tooFew);
  const bare = named(({ interval }) => !interval);
  const apart = methods.filter(({ method, difference }) => method !== baseline && !difference);
  const missing = compared.filter(({ leftOut }) => leftOut > 0)
    .map(({ method, pairs, leftOut }) => `${method} ${leftOut} of ${pairs + leftOut}`);
  const partial = methods.filter((scores: MethodScores) => scores.tasks.length < tasks.length)
    .map((scores) => `${scores.method} on ${scores.tasks.join(", ") || "none"}`);
  const times = resamples.toLocaleString("en");
  return [
    `Metric: ${metric}${scale === 100 ? ", in per cent" : ""}; ${split} split; ${checkpoint} checkpoint; seeds ` +
    `${seeds.join(", ")}; ${tasks.length === 1 ? "task" : "tasks"} ${tasks.join(", ")}` +
    `${tasks.length > 1 ? ", each weighing the same; sd is within tasks, the median over seeds" : ""}.`,
    `Differences to ${baseline} on the same task and seed; ${
      formatConfidence(level)
    } intervals by Student's t, which leave seven tenths of the tails, wider ` +
    "where differences are skewed: they speak of other seeds on these tasks.",
    ...tested
      ? [
        `p: paired sign-flip test stratified by task, ${drawn ? "" : "exact, "}two-sided, Holm's correction over ` +
        `${plural(compared.length, "method")}; level ${level}.` +
        (drawn ? ` Exact to ${EXACT_PAIRS} pairs; of ${times} drawn signs: ${drawn}.` : ""),
      ]
      : [],
    ...omitsRule ? [] : [ruleText({ level, margin }, { scale })],
    ...untested ? [`Too few pairs to reach the level ${level}, however far apart: ${untested}.`] : [],
    ...bare ? [`A task with a single pair, so no interval: ${bare}.`] : [],
    ...missing.length > 0 ? [`Pairs left out, as a run failed or was not made: ${missing.join("; ")}.`] : [],
    ...apart.length > 0
      ? [`No task and seed shared with ${baseline}: ${apart.map(({ method }) => method).join(", ")}.`]
      : [],
    ...partial.length > 0 ? [`Scores of some tasks alone: ${partial.join("; ")}.`] : [],
  ];
}
