import { formatPoints } from "../statistics/points.ts";
import type { Spread } from "../statistics/spreads.ts";
import { tableMarkdown } from "./table.ts";

/**
 * How far differences spread, and how many pairs show equivalence within a margin at that spread, as a Markdown table of
 * what `spreadsOf` found at that margin; `undefined` where it found nothing.
 *
 * @example
 * ```ts
 * import { spreadsOf, spreadTable } from "@delta-dawn/delta-lora/experiment";
 *
 * const rows = [0, 1, 2, 3].flatMap((seed) => [
 *   { task: "rte", seed, method: "lora", score: 0.7 + seed / 50 },
 *   { task: "rte", seed, method: "delta-lora", score: 0.7 + seed / 48 },
 * ]);
 * const margin = 0.02;
 * const lines = spreadTable(spreadsOf([{ rows, baseline: "lora" }], { margin }), { margin })!.split("\n");
 * console.log(lines[2].split("|")[2].trim(), lines[3].split("|")[2].trim()); // 3.7 0.1
 * ```
 */
export function spreadTable(
  spreads: readonly Spread[],
  { margin }: { readonly margin: number },
): string | undefined {
  if (spreads.length === 0) return undefined;
  return tableMarkdown(spreads.map(({ what, spread, pairs }) => ({
    "differences of": what,
    "spread, points": formatPoints(100 * spread, { digits: 1 }),
    [`pairs for ±${Number((100 * margin).toPrecision(3))}`]: String(pairs),
  })));
}
