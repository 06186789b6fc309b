import * as Plot from "@observablehq/plot";
import type { Comparison } from "../statistics/compare.ts";
import { figureSvg } from "./figure.ts";
import { formatConfidence, type PointOptions } from "../statistics/points.ts";

/** Width of a letter on an axis, a little too much: names must not be cut. */
const LETTER = 7;

/** Options of {@linkcode comparisonFigure}. */
export interface ComparisonFigureOptions extends PointOptions {
  /** Stands above the figure; by default what is shown. */
  readonly title?: string;
}

/**
 * Differences to the baseline with their intervals, a row a method, and a line at 0, as an SVG.
 *
 * @example
 * ```ts
 * import { compare, comparisonFigure } from "@delta-dawn/delta-lora/experiment";
 *
 * const rows = [0, 1, 2].flatMap((seed) => [
 *   { task: "rte", seed, method: "lora", score: 0.7 + seed / 500 },
 *   { task: "rte", seed, method: "delta-lora", score: 0.73 + seed / 400 },
 * ]);
 * console.log(comparisonFigure(compare(rows, { baseline: "lora" })).startsWith("<svg")); // true
 * ```
 */
export function comparisonFigure(
  { baseline, level, methods }: Comparison,
  { scale = 100, title = `Differences to ${baseline}, with ${formatConfidence(level)} intervals` }:
    ComparisonFigureOptions = {},
): string {
  const rows = methods.flatMap(({ method, difference }) => {
    if (!difference) return [];
    const [low, high] = difference.interval ?? [];
    return [{
      method,
      mean: scale * difference.mean,
      low: low === undefined ? undefined : scale * low,
      high: high === undefined ? undefined : scale * high,
    }];
  });
  const names = methods.map(({ method }) => method).filter((method) => method !== baseline);
  const ranges = rows.filter(({ low }) => low !== undefined);
  return figureSvg({
    title,
    height: 72 + 30 * Math.max(1, names.length),
    marginLeft: 20 + LETTER * Math.max(0, ...names.map(({ length }) => length)),
    y: { label: null, domain: names },
    x: {
      label: `score minus ${baseline}'s${scale === 100 ? ", points" : ""}`,
      grid: true,
      inset: 8,
      labelAnchor: "center",
      labelArrow: "none",
    },
    marks: [
      Plot.ruleX([0], { strokeDasharray: "4 3" }),
      Plot.ruleY(ranges, { y: "method", x1: "low", x2: "high", stroke: "#0072B2", strokeWidth: 2 }),
      Plot.dot(rows, { y: "method", x: "mean", fill: "#0072B2", r: 4.5 }),
    ],
  });
}
