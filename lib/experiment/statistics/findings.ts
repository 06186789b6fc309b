import type { Comparison, Difference, MethodScores } from "./compare.ts";
import { plural } from "../../text/plural.ts";
import { digitsOf, formatConfidence, formatP, formatPoints, type PointOptions } from "./points.ts";

/** What can be said of a method's difference to the baseline, from its interval and its test. */
export type Verdict =
  /** The interval lies on one side of 0, and the test reaches the level after Holm's correction. */
  | "higher"
  | "lower"
  | "no difference seen"
  /** Too few pairs for a test to reach the level. */
  | "untested"
  /** A task has a single pair, so that its spread is unknown. */
  | "no interval"
  | "no pairs";

/**
 * What a method's difference to the baseline bears at a level, no more: see {@linkcode Verdict}.
 *
 * @example
 * ```ts
 * import { compare, verdictOf } from "@delta-dawn/delta-lora/experiment";
 *
 * const rows = [0, 1, 2].flatMap((seed) => [
 *   { task: "rte", seed, method: "lora", score: 0.7 + seed / 500 },
 *   { task: "rte", seed, method: "delta-lora", score: 0.73 + seed / 400 },
 * ]);
 * const { level, methods } = compare(rows, { baseline: "lora" });
 * console.log(verdictOf(methods[1].difference, level)); // untested
 * ```
 */
export function verdictOf(difference: Difference | undefined, level: number): Verdict {
  if (!difference) return "no pairs";
  const { interval, adjustedP, tooFew, mean } = difference;
  if (tooFew) return "untested";
  if (!interval) return "no interval";
  const isApart = interval[0] > 0 || interval[1] < 0;
  if (!isApart || adjustedP > level) return "no difference seen";
  return mean > 0 ? "higher" : "lower";
}

/** One sentence, without its full stop. */
function sentence(
  { method, difference }: MethodScores,
  { baseline, level, scale, digits }: Comparison & { readonly scale: number; readonly digits: number },
): string {
  if (!difference) return `${method} and ${baseline} share no pair of runs: nothing can be said of them`;
  const { mean, interval, pairs, adjustedP, leftOut } = difference;
  const points = (value: number, isSigned: boolean) => formatPoints(scale * value, { digits, isSigned });
  const unit = scale === 100 ? " points" : "";
  const range = interval
    ? `${formatConfidence(level)} interval ${points(interval[0], true)} … ${points(interval[1], true)}`
    : "no interval";
  const p = formatP(adjustedP);
  const test = `Holm's p ${p.startsWith("<") ? p : `= ${p}`}`;
  const total = leftOut > 0 ? `${pairs} of ${pairs + leftOut} pairs` : plural(pairs, "pair");
  const average = `mean difference ${points(mean, true)}${unit}`;
  switch (verdictOf(difference, level)) {
    case "higher":
      return `${method} scored higher than ${baseline} by ${points(mean, false)}${unit} (${range}, ${total}, ${test})`;
    case "lower":
      return `${method} scored lower than ${baseline} by ${points(-mean, false)}${unit} (${range}, ${total}, ${test})`;
    case "untested":
      return `${method} and ${baseline}: ${average} (${range}, ${total}): too few pairs for a test, ` +
        (interval ? "intervals only" : "and a task has a single pair");
    case "no interval":
      return `${method} and ${baseline}: ${average} (${total}, ${test}): a task has a single pair, so there is no ` +
        "interval and no verdict";
    default:
      return `no difference seen between ${method} and ${baseline} (${average}, ${range}, ${total}, ${test})`;
  }
}

/**
 * A paragraph of what a comparison shows, from its numbers alone. A method "scored higher" or "lower" only where the
 * interval lies on one side of 0 and the test reaches the level after Holm's correction; where there are too few pairs
 * for a test, only intervals are told.
 *
 * @example
 * ```ts
 * import { compare, findings } from "@delta-dawn/delta-lora/experiment";
 *
 * const rows = [0, 1, 2, 3, 4, 5].flatMap((seed) => [
 *   { task: "rte", seed, method: "lora", score: 0.7 + seed / 500 },
 *   { task: "rte", seed, method: "delta-lora", score: 0.73 + seed / 400 },
 * ]);
 * const [, sentence] = findings(compare(rows, { baseline: "lora" })).split(/: | \(/);
 * console.log(sentence); // delta-lora scored higher than lora by 3.13 points
 * ```
 */
export function findings(comparison: Comparison, { scale = 100 }: PointOptions = {}): string {
  const { baseline, tasks, seeds, methods, level } = comparison;
  const others = methods.filter(({ method }) => method !== baseline);
  if (others.length === 0) return `There is no method beside ${baseline} to compare it with.`;
  const digits = digitsOf(comparison, { scale });
  const sentences = others.map((scores) => sentence(scores, { ...comparison, scale, digits }));
  const failed = methods.filter(({ failures }) => failures > 0)
    .map(({ method, failures, runs }) => `${method} ${failures} of ${failures + runs}`);
  const remarks = [
    ...others.some(({ difference }) => verdictOf(difference, level) === "no difference seen")
      ? ["That no difference is seen does not show that there is none: the interval says how large it may be."]
      : [],
    ...failed.length > 0
      ? [`Runs without a score are left out, which may flatter their method: ${failed.join(", ")}.`]
      : [],
  ];
  const scope = `Against ${baseline}, over ${plural(tasks.length, "task")} and ${plural(seeds.length, "seed")}`;
  return [`${scope}: ${sentences.join("; ")}.`, ...remarks].join(" ");
}
