import { LEVEL, type MethodPair } from "./compare_pairs.ts";
import { meanInterval } from "./mean_interval.ts";
import { pairedDifferences } from "./paired_differences.ts";
import type { ScoredRun } from "./scored_runs.ts";

/**
 * The full width of the widest interval of 1 − level among differences of these methods, in units of scores; infinite
 * where one has none.
 *
 * @example
 * ```ts
 * import { widestInterval } from "@delta-dawn/delta-lora/experiment";
 *
 * const rows = [0, 1, 2].flatMap((seed) => [
 *   { task: "rte", seed, method: "lora", score: 0.7 },
 *   { task: "rte", seed, method: "delta-lora", score: 0.73 },
 * ]);
 * console.log(widestInterval(rows, { pairs: [["delta-lora", "lora"]] }).toFixed(2)); // 0.00
 * console.log(widestInterval(rows, { pairs: [["delta-lora", "lora"], ["full", "lora"]] })); // Infinity
 * ```
 */
export function widestInterval(
  rows: readonly ScoredRun[],
  { pairs, level = LEVEL }: { readonly pairs: readonly MethodPair[]; readonly level?: number },
): number {
  const widths = pairs.map(([method, baseline]) => {
    const { differences } = pairedDifferences(rows, { method, baseline });
    const interval = meanInterval(differences, { confidence: 1 - level });
    return interval ? interval[1] - interval[0] : Infinity;
  });
  return Math.max(0, ...widths);
}
