import { uniformInt } from "pure-rand/distribution/uniformInt";
import { mersenne } from "pure-rand/generator/mersenne";
import type { Strata } from "./paired_differences.ts";

/** Most pairs, 40, for which {@linkcode signFlipTest} counts all 2ⁿ signs: as two halves of 2²⁰ sums. */
export const EXACT_PAIRS = 40;

/** Options of {@linkcode signFlipTest}. */
export interface SignFlipOptions {
  /** How many signs are drawn where there are more pairs than {@linkcode EXACT_PAIRS}; 10,000 by default. */
  readonly resamples?: number;
  /** Seed of the signs that are drawn, a safe integer. */
  readonly seed: number;
}

/** What {@linkcode signFlipTest} finds. */
export interface SignFlip {
  /** The p-value, two-sided. */
  readonly p: number;
  /** The smallest p that so many pairs can give: 2 / 2ⁿ, or 1 / (resamples + 1) where signs are drawn. */
  readonly smallestP: number;
  /** Whether all signs were counted; otherwise some were drawn. */
  readonly isExact: boolean;
}

/**
 * The paired permutation test (Fisher and Pitman's) of differences by task, stratified by task: were both methods the
 * same, their scores in a pair could be swapped, which turns the sign of the difference. p is the share of all 2ⁿ signs
 * for which the mean over tasks of mean differences is at least as far from 0 as it is. It is exact to 40 pairs;
 * beyond, signs are drawn, and the observed ones count as one of them ([Phipson and Smyth
 * 2010](https://arxiv.org/abs/1603.05766)).
 *
 * Equal means count as reached though they are summed in other orders: within 1e-10 of the sum of sizes.
 *
 * @example
 * ```ts
 * import { signFlipTest } from "@delta-dawn/delta-lora/experiment";
 *
 * console.log(signFlipTest([[1, 2, 3]], { seed: 0 })); // { p: 0.25, smallestP: 0.25, isExact: true }
 * ```
 */
export function signFlipTest(
  strata: Strata,
  { resamples = 10_000, seed }: SignFlipOptions,
): SignFlip {
  const terms = strata.flatMap((differences) => differences.map((value) => value / differences.length));
  const smallestP = Math.min(1, 2 / 2 ** terms.length);
  const observed = Math.abs(terms.reduce((a, b) => a + b, 0));
  const reached = observed - 1e-10 * terms.reduce((sum, term) => sum + Math.abs(term), 0);
  // Differences of 0 have no sign to turn.
  const signed = terms.filter((term) => term !== 0);
  const isExact = signed.length <= EXACT_PAIRS;
  if (reached <= 0) return { p: 1, smallestP, isExact };
  if (isExact) return { p: Math.min(1, 2 * shareAbove(signed, reached)), smallestP, isExact };
  return { p: drawnShare(signed, { reached, resamples, seed }), smallestP: 1 / (resamples + 1), isExact };
}

/** Sums of all signed terms, ascending. */
function signedSums(terms: readonly number[]): Float64Array {
  let sums = new Float64Array(1);
  for (const term of terms) {
    const size = Math.abs(term);
    const next = new Float64Array(2 * sums.length);
    for (let k = 0, low = 0, high = 0; k < next.length; k++) {
      const isLow = low < sums.length && sums[low] - size <= sums[high] + size;
      next[k] = isLow ? sums[low++] - size : sums[high++] + size;
    }
    sums = next;
  }
  return sums;
}

/** Share of all signs whose sum is at least `reached`: each half's sums in order, so that one pass counts their pairs. */
function shareAbove(terms: readonly number[], reached: number): number {
  const half = terms.length >> 1;
  const [a, b] = [signedSums(terms.slice(0, half)), signedSums(terms.slice(half))];
  let count = 0;
  let first = b.length;
  for (const sum of a) {
    while (first > 0 && sum + b[first - 1] >= reached) first--;
    count += b.length - first;
  }
  return count / 2 ** terms.length;
}

function drawnShare(
  terms: readonly number[],
  { reached, resamples, seed }: { readonly reached: number; readonly resamples: number; readonly seed: number },
): number {
  const random = mersenne(seed);
  let count = 1;
  for (let i = 0; i < resamples; i++) {
    let sum = 0;
    for (const term of terms) sum += uniformInt(random, 0, 1) === 0 ? term : -term;
    if (Math.abs(sum) >= reached) count++;
  }
  return count / (resamples + 1);
}
