import jStat from "jstat";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { mersenne } from "pure-rand/generator/mersenne";
import { mean, sampleStandardDeviation } from "simple-statistics";
import { intervalOf, momentsOf, quantileOf } from "./mean_interval.ts";
import type { Strata } from "./paired_differences.ts";
import { signFlipTest } from "./sign_flip_test.ts";
import { leastWithoutSpread } from "./verdict.ts";

/** How often a difference is found that is there, where powers are named. */
export const POWER = 0.8;
/** How many sets of pairs are drawn. */
const DRAWS = 1000;
/** Up to so many pairs all signs are counted; beyond, Student's t says within a point how often the test finds. */
const COUNTED_PAIRS = 12;
/** Up to so many pairs it is drawn how often equivalence is shown; beyond, Student's t says it. */
const DRAWN_PAIRS = 24;

/** A rule's level, and how many comparisons share it. */
export interface RuleOptions {
  /** Chance of a false finding among all comparisons of the family. */
  readonly level: number;
  /** Comparisons that Holm's correction is over. */
  readonly family: number;
}

/** Standard normal numbers, always the same. */
function normalDraws(count: number): Float64Array {
  const random = mersenne(2309);
  return Float64Array.from({ length: count }, () => jStat.normal.inv((1 - uniformFloat64(random)) || 0.5, 0, 1));
}

/** Whether the test of pairs alone reaches the strictest level of the family. */
function reaches(strata: Strata, { level, family }: RuleOptions): boolean {
  const pairs = strata.reduce((sum, { length }) => sum + length, 0);
  if (pairs <= COUNTED_PAIRS) return signFlipTest(strata, { seed: 0 }).p <= level / family;
  const terms = strata.flatMap((values) => values.map((value) => value / values.length));
  const sum = terms.reduce((a, b) => a + b, 0);
  const spread = terms.reduce((a, b) => a + b * b, 0) - sum ** 2 / pairs;
  const t = sum / Math.sqrt(pairs * spread / (pairs - 1));
  return 2 * (1 - jStat.studentt.cdf(Math.abs(t), pairs - 1)) <= level / family;
}

const shifted = (strata: Strata, by: number): Strata => strata.map((values) => values.map((value) => value + by));

/** The smallest difference at which the rule calls these pairs, which have none, higher: by halving. */
function foundFrom(strata: Strata, options: RuleOptions): number {
  const [low] = intervalOf(momentsOf(strata)!, { confidence: 1 - options.level });
  let least = Math.max(0, -low);
  if (reaches(shifted(strata, least), options)) return least;
  let most = 2 * least + 1e-12;
  while (!reaches(shifted(strata, most), options)) most *= 2;
  while (most - least > 1e-3 * most) {
    const middle = (least + most) / 2;
    if (reaches(shifted(strata, middle), options)) most = middle;
    else least = middle;
  }
  return most;
}

/**
 * The smallest true difference that {@linkcode verdictOf} calls higher or lower in 80 % of cases, with as many pairs as
 * these and their spread within each task, were it the only one of its family: pairs are drawn 1,000 times from the
 * normal distribution, always the same, and the interval and the sign-flip test at Holm's strictest level are asked of
 * each. It is `undefined` where a task has a single pair, no task shows any spread, or so few pairs cannot reach the level
 * however far apart they are.
 *
 * @example
 * ```ts
 * import { smallestDifference } from "@delta-dawn/delta-lora/experiment";
 *
 * const differences = [[0.01, -0.02, 0.03, 0, 0.01, -0.01, 0.02, 0]];
 * console.log(smallestDifference(differences, { level: 0.05, family: 1 })!.toFixed(2)); // 0.02
 * console.log(smallestDifference([[0.01, -0.02, 0.03]], { level: 0.05, family: 1 })); // undefined
 * ```
 */
export function smallestDifference(strata: Strata, options: RuleOptions): number | undefined {
  const pairs = strata.reduce((sum, { length }) => sum + length, 0);
  if (strata.some(({ length }) => length < 2) || 2 / 2 ** pairs > options.level / options.family) return undefined;
  const spreads = strata.map((values) => sampleStandardDeviation([...values]));
  if (spreads.every((spread) => spread === 0)) return undefined;
  const draws = normalDraws(DRAWS * pairs);
  const thresholds = Float64Array.from({ length: DRAWS }, (_, draw) => {
    let next = draw * pairs;
    return foundFrom(
      strata.map(({ length }, task) => Array.from({ length }, () => spreads[task] * draws[next++])),
      options,
    );
  }).sort();
  return thresholds[Math.ceil(POWER * DRAWS) - 1];
}

/** What equivalence is to be shown of. */
export interface NeedOptions {
  /** The difference that does not matter, in units of scores. */
  readonly margin: number;
  /** Chance of calling methods equivalent that are not. */
  readonly level: number;
}

/** The factor of σ/margin whose square is the number of pairs, by Student's t of so many degrees of freedom. */
function factorOf(level: number, freedom: number): number {
  // Both one-sided tests find what lies in the middle where (1 + power) / 2 of the means are near enough.
  return quantileOf({ confidence: 1 - 2 * level, tails: 1 }, freedom) +
    quantileOf({ confidence: POWER, tails: 1 }, freedom);
}

/** About how many pairs show equivalence at a spread, which tasks share evenly: see {@linkcode pairsNeeded}. */
export function pairsAtSpread(
  spread: number,
  { margin, level, tasks = 1 }: NeedOptions & { readonly tasks?: number },
): number {
  const pairsAt = (freedom: number) => (factorOf(level, freedom) * spread / margin) ** 2;
  const least = spread === 0 ? leastWithoutSpread(level) : pairsAt(Infinity);
  let seeds = Math.max(2, Math.ceil(least / tasks));
  while (pairsAt(tasks * (seeds - 1)) > tasks * seeds) seeds++;
  const options = { ratio: spread / margin, level, tasks };
  while (spread > 0 && tasks * seeds <= DRAWN_PAIRS && equivalentShare(seeds, options) < POWER) seeds++;
  return tasks * seeds;
}

/** In what share of draws without a difference the rule's inner interval lies within the margin. */
function equivalentShare(
  seeds: number,
  { ratio, level, tasks }: { readonly ratio: number; readonly level: number; readonly tasks: number },
): number {
  const draws = normalDraws(DRAWS * tasks * seeds);
  let [within, next] = [0, 0];
  for (let draw = 0; draw < DRAWS; draw++) {
    const strata = Array.from(
      { length: tasks },
      () => Array.from({ length: seeds }, () => ratio * draws[next++]),
    );
    const [low, high] = intervalOf(momentsOf(strata)!, { confidence: 1 - 2 * level, tails: 1 });
    if (low > -1 && high < 1) within++;
  }
  return within / DRAWS;
}

/**
 * About how many pairs {@linkcode verdictOf} needs to call methods equivalent within a margin in 80 % of cases, were
 * there no difference: the fewest that are as many as `(t₀.₉₅ + t₀.₉)²·(σ/margin)²`, with Student's t of their own degrees of
 * freedom, or some more where 1,000 draws of so few say so; 8.6 (σ/margin)² where they are many. Tasks share them evenly. It is `undefined` where a task has a single pair.
 *
 * @example
 * ```ts
 * import { pairsNeeded } from "@delta-dawn/delta-lora/experiment";
 *
 * const differences = [[0.01, -0.02, 0.03, 0, 0.01, -0.01, 0.02, 0]];
 * console.log(pairsNeeded(differences, { margin: 0.01, level: 0.05 })); // 25
 * ```
 */
export function pairsNeeded(
  strata: Strata,
  { margin, level }: NeedOptions,
): number | undefined {
  if (strata.length === 0 || strata.some(({ length }) => length < 2)) return undefined;
  const spread = Math.sqrt(mean(strata.map((values) => sampleStandardDeviation([...values]) ** 2)));
  return pairsAtSpread(spread, { margin, level, tasks: strata.length });
}
