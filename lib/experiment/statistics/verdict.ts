import type { Difference } from "./compare_pairs.ts";
import { formatConfidence, marginText, type PointOptions } from "./points.ts";

/** What the rule says of a method's difference to what it is held against: see {@linkcode verdictOf}. */
export type VerdictKind =
  /** It is apart from 0. */
  | "higher"
  | "lower"
  /** It is not seen to be apart from 0, and lies within the margin. */
  | "equivalent"
  /** Neither is known. */
  | "undecided";

/** A verdict on a difference. */
export interface Verdict {
  /** What is called what. */
  readonly kind: VerdictKind;
  /** Whether the difference is known to be less than the margin: so it is where methods are equivalent. */
  readonly isWithin: boolean;
}

/** What verdicts are given at. */
export interface VerdictOptions {
  /** Chance of calling a method higher or lower that is not, among all that are compared. */
  readonly level: number;
  /** The difference that does not matter, in units of scores. */
  readonly margin: number;
}

/** The fewest pairs without any spread that show where a difference lies: so many signs agree by chance no more often. */
export function leastWithoutSpread(level: number): number {
  return Math.ceil(-Math.log2(level));
}

/**
 * The one rule by which differences are called what they are:
 *
 * - **higher** or **lower** where the interval of 1 − level lies on one side of 0 and the sign-flip test reaches the
 *   level after Holm's correction; and by less than the margin where the interval of 1 − 2·level lies within ±margin;
 * - else **equivalent** where that interval lies within ±margin: two one-sided tests ([Schuirmann
 *   1987](https://doi.org/10.1007/BF01068419)); of pairs without any spread, whose interval has no width, it takes 5 at a
 *   level of 0.05, as fewer agree too often by chance;
 * - else **undecided**, as where there is no pair or no interval.
 *
 * @example
 * ```ts
 * import { compare, verdictOf } from "@delta-dawn/delta-lora/experiment";
 *
 * const rows = [0, 1, 2, 3, 4, 5].flatMap((seed) => [
 *   { task: "rte", seed, method: "lora", score: 0.7 + seed / 500 },
 *   { task: "rte", seed, method: "twin", score: 0.7 + seed / 500 },
 *   { task: "rte", seed, method: "delta-lora", score: 0.73 + seed / 400 },
 * ]);
 * const comparison = compare(rows.filter(({ method }) => method !== "twin"), { baseline: "lora" });
 * console.log(verdictOf(comparison.methods[1].difference, comparison)); // { kind: "higher", isWithin: false }
 * const twins = compare(rows.filter(({ method }) => method !== "delta-lora"), { baseline: "lora" });
 * console.log(verdictOf(twins.methods[1].difference, twins)); // { kind: "equivalent", isWithin: true }
 * ```
 */
export function verdictOf(difference: Difference | undefined, { level, margin }: VerdictOptions): Verdict {
  const { interval, inner, adjustedP = 1, mean = 0, spread, pairs = 0 } = difference ?? {};
  const isKnown = spread !== 0 || pairs >= leastWithoutSpread(level);
  const isWithin = isKnown && inner !== undefined && inner[0] > -margin && inner[1] < margin;
  const isApart = interval !== undefined && (interval[0] > 0 || interval[1] < 0);
  if (isApart && adjustedP <= level) return { kind: mean > 0 ? "higher" : "lower", isWithin };
  return { kind: isWithin ? "equivalent" : "undecided", isWithin };
}

/**
 * The rule in words, for reports: one sentence on verdicts, one on what a number of pairs can find.
 *
 * @example
 * ```ts
 * import { ruleText } from "@delta-dawn/delta-lora/experiment";
 *
 * const text = ruleText({ level: 0.05, margin: 0.02 });
 * console.log(text.includes("equivalent within 2 points")); // true
 * ```
 */
export function ruleText({ level, margin }: VerdictOptions, { scale = 100 }: PointOptions = {}): string {
  const within = marginText(margin, { scale });
  const inner = `${formatConfidence(2 * level)} interval`;
  return `Verdicts by one rule: higher or lower where the ${formatConfidence(level)} interval lies on one side of 0 ` +
    `and the sign-flip test reaches ${level} after Holm's correction, by less than ${within} where the ${inner} lies ` +
    `within ±${within}; else equivalent within ${within} where the ${inner} lies there (two one-sided tests); else ` +
    "undecided. The smallest difference is what this rule finds in 80 % of cases with as many pairs of such a spread; " +
    `the pairs needed are those that would show equivalence within ${within} in 80 % of cases, were there no difference.`;
}
