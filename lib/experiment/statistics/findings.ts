import { plural } from "../../text/plural.ts";
import type { Comparison, MethodScores } from "./compare.ts";
import { digitsOf, type PointOptions } from "./points.ts";
import { rangeOf, verdictSentence, type WordOptions } from "./say_verdict.ts";

/** What so many pairs can find, as a sentence; none where nothing is known of it. */
export function powerSentence(
  differences: readonly MethodScores["difference"][],
  options: WordOptions,
): string | undefined {
  const smallest = differences.flatMap((difference) => difference?.smallest ?? []);
  if (smallest.length === 0) return undefined;
  const sizes = rangeOf(smallest, options).replaceAll("+", "");
  return `With so many pairs of such a spread the rule finds true differences of ${sizes}` +
    `${options.scale === 100 ? " points" : ""} in 80 % of cases.`;
}

/**
 * A paragraph of what a comparison shows, from its numbers alone and by the rule of {@linkcode verdictOf}: for each method
 * whether it scored higher, lower, equivalently or is undecided, with intervals, pairs and p; what an undecided one
 * would need; and how large a difference has to be for so many pairs to find it.
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
  const { baseline, tasks, seeds, methods, level, margin } = comparison;
  const others = methods.filter(({ method }) => method !== baseline);
  if (others.length === 0) return `There is no method beside ${baseline} to compare it with.`;
  const words = { scale, digits: digitsOf(comparison, { scale }), level, margin };
  const sentences = others.map((one) => verdictSentence({ ...one, against: baseline }, words));
  const power = powerSentence(others.map(({ difference }) => difference), words);
  const failed = methods.filter(({ failures }) => failures > 0)
    .map(({ method, failures, runs }) => `${method} ${failures} of ${failures + runs}`);
  const scope = `Against ${baseline}, over ${plural(tasks.length, "task")} and ${plural(seeds.length, "seed")}`;
  return [
    `${scope}: ${sentences.join("; ")}.`,
    ...power === undefined ? [] : [power],
    ...failed.length > 0
      ? [`Runs without a score are left out, which may flatter their method: ${failed.join(", ")}.`]
      : [],
  ].join(" ");
}
