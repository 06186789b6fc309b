import * as Plot from "@observablehq/plot";
import { mean } from "simple-statistics";
import { meanInterval } from "../statistics/mean_interval.ts";
import { COLOURS, figureSvg } from "./figure.ts";
import { scoresByTask } from "../statistics/paired_differences.ts";
import { formatConfidence, type PointOptions } from "../statistics/points.ts";
import type { ScoredRun } from "../statistics/scored_runs.ts";

/** Options of {@linkcode axisFigure} and {@linkcode axisPoints}. */
export interface AxisOptions<Axis extends string> extends PointOptions {
  /** The column that varies, such as `rank`, `lambda`, `learningRate`. */
  readonly axis: Axis;
  /** What the axis is called; by default the column's name. */
  readonly label?: string;
  /** Stands above the figure; by default what is shown. */
  readonly title?: string;
  /** Share of intervals that hold the true mean, between 0 and 1; 0.95 by default. */
  readonly confidence?: number;
}

/** A method's mean score at one value of an axis. */
export interface AxisPoint {
  /** The method's name. */
  readonly method: string;
  /** The value on the axis. */
  readonly at: number;
  /** Mean over tasks of means over seeds. */
  readonly mean: number;
  /** Lower end of the mean's interval; none where a task has a single run there. */
  readonly low?: number;
  /** Upper end of the mean's interval; none where a task has a single run there. */
  readonly high?: number;
  /** Runs that have a score. */
  readonly runs: number;
}

/**
 * Mean scores with intervals over tasks × seeds for each method and value of an axis, ascending by value; intervals are
 * those of {@linkcode meanInterval}, as in tables.
 *
 * @example
 * ```ts
 * import { axisPoints } from "@delta-dawn/delta-lora/experiment";
 *
 * const rows = [2, 4].flatMap((rank) =>
 *   [0, 1].map((seed) => ({ task: "rte", seed, method: "lora", score: rank / 8 + seed / 4, rank }))
 * );
 * console.log(axisPoints(rows, { axis: "rank" }).map(({ at, mean }) => [at, mean])); // [[2, 0.375], [4, 0.625]]
 * ```
 */
export function axisPoints<Axis extends string>(
  rows: readonly (ScoredRun & { readonly [name in Axis]: number })[],
  { axis, confidence = 0.95 }: AxisOptions<Axis>,
): AxisPoint[] {
  const methods = [...new Set(rows.map(({ method }) => method))];
  return methods.flatMap((method) => {
    const own = rows.filter((row) => row.method === method);
    const values = [...new Set(own.map((row): number => row[axis]))].sort((a, b) => a - b);
    return values.flatMap((at) => {
      const scores = [...scoresByTask(own.filter((row) => row[axis] === at), method).values()];
      if (scores.length === 0) return [];
      const [low, high] = meanInterval(scores, { confidence }) ?? [];
      return [{ method, at, mean: mean(scores.map((part) => mean(part))), low, high, runs: scores.flat().length }];
    });
  });
}

/** Whether values are positive and so far apart that equal ratios should be equal distances. */
export function isSpread(values: readonly number[]): boolean {
  return Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) >= 8;
}

/**
 * Mean scores against a numeric axis such as λ, K, rank or the learning rate, as an SVG: a line a method with its
 * interval as a band. The axis is logarithmic where all its values are positive and spread over a factor of 8 or more.
 *
 * @example
 * ```ts
 * import { axisFigure } from "@delta-dawn/delta-lora/experiment";
 *
 * const rows = [1, 2, 4].map((rank) => ({ task: "rte", seed: 0, method: "lora", score: 0.7 + rank / 100, rank }));
 * console.log(axisFigure(rows, { axis: "rank" }).startsWith("<svg")); // true
 * ```
 */
export function axisFigure<Axis extends string>(
  rows: readonly (ScoredRun & { readonly [name in Axis]: number })[],
  options: AxisOptions<Axis>,
): string {
  const { axis, label = axis, scale = 100, confidence = 0.95 } = options;
  const points = axisPoints(rows, options)
    .map((point) => ({
      ...point,
      mean: scale * point.mean,
      low: point.low === undefined ? undefined : scale * point.low,
      high: point.high === undefined ? undefined : scale * point.high,
    }));
  const methods = [...new Set(rows.map(({ method }) => method))];
  const values = [...new Set(points.map(({ at }) => at))].sort((a, b) => a - b);
  const title = options.title ?? `Mean scores by ${label}, with ${formatConfidence(1 - confidence)} intervals`;
  const ranges = points.filter(({ low }) => low !== undefined);
  return figureSvg({
    title,
    height: 320,
    marginLeft: 56,
    color: { domain: methods, range: COLOURS, legend: true },
    x: {
      label,
      type: values.length > 0 && isSpread(values) ? "log" : "linear",
      ...values.length <= 10 ? { ticks: values, tickFormat: (value: number) => String(value) } : {},
      labelAnchor: "center",
      labelArrow: "none",
    },
    y: {
      label: `mean score${scale === 100 ? ", per cent" : ""}`,
      grid: true,
      labelAnchor: "center",
      labelArrow: "none",
    },
    marks: [
      // Their `z` is told: Plot would warn of one that it guessed where most methods have a single point.
      Plot.areaY(ranges, { x: "at", y1: "low", y2: "high", z: "method", fill: "method", fillOpacity: 0.12 }),
      Plot.ruleX(ranges, { x: "at", y1: "low", y2: "high", stroke: "method", strokeOpacity: 0.6 }),
      Plot.line(points, { x: "at", y: "mean", z: "method", stroke: "method", strokeWidth: 2 }),
      Plot.dot(points, { x: "at", y: "mean", fill: "method", r: 3.5 }),
    ],
  });
}
