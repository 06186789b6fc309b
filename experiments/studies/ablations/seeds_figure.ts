import * as Plot from "@observablehq/plot";
import { mean } from "simple-statistics";
import {
  type Interval,
  meanInterval,
  pairedDifferences,
  type ScoredRun,
} from "../../../lib/experiment/statistics/mod.ts";
import { COLOURS, figureSvg } from "../../../lib/experiment/figures/figure.ts";

/** Two methods of the rows. */
export interface SeedsOptions {
  readonly method: string;
  readonly baseline: string;
}

/** The difference of two methods as the first so many seeds have it. */
export interface SeedsPoint {
  readonly seeds: number;
  /** Mean over tasks of mean differences. */
  readonly mean: number;
  /** None with a single seed. */
  readonly interval?: Interval;
}

/** Mean differences and their intervals with the first one, two, three … seeds. */
export function growingSeeds(rows: readonly ScoredRun[], options: SeedsOptions): SeedsPoint[] {
  const seeds = [...new Set(rows.map(({ seed }) => seed))].sort((a, b) => a - b);
  return seeds.flatMap((last, i) => {
    const { differences } = pairedDifferences(rows.filter(({ seed }) => seed <= last), options);
    if (differences.length === 0) return [];
    return [{
      seeds: i + 1,
      mean: mean(differences.map((own) => mean([...own]))),
      interval: meanInterval(differences),
    }];
  });
}

/** Differences of two methods seed by seed as dots, and the interval of their mean as it narrows with more of them, as SVG. */
export function seedsFigure(rows: readonly ScoredRun[], options: SeedsOptions): string {
  const { method, baseline } = options;
  const points = growingSeeds(rows, options)
    .map(({ seeds, mean, interval }) => ({ seeds, mean: 100 * mean, low: interval?.[0], high: interval?.[1] }))
    .map((point) => ({
      ...point,
      low: point.low === undefined ? undefined : 100 * point.low,
      high: point.high === undefined ? undefined : 100 * point.high,
    }));
  const ranges = points.filter(({ low }) => low !== undefined);
  const seeds = [...new Set(rows.map(({ seed }) => seed))].sort((a, b) => a - b);
  const tasks = [...new Set(rows.map(({ task }) => task))];
  const dots = tasks.flatMap((task) =>
    seeds.flatMap((seed, i) => {
      const own = rows.filter((row) => row.task === task && row.seed === seed);
      const [{ differences }] = [pairedDifferences(own, options)];
      return differences.flat().map((difference) => ({ task, seeds: i + 1, difference: 100 * difference }));
    })
  );
  // Legends take colours in their order.
  const domain = ["mean of the seeds so far, with its interval", ...tasks];
  return figureSvg({
    title: `${method} minus ${baseline}, seed by seed`,
    height: 340,
    marginLeft: 56,
    color: { domain, range: COLOURS, legend: true },
    x: {
      label: "seeds",
      inset: 12,
      ticks: seeds.map((_, i) => i + 1),
      tickFormat: (value: number) => String(value),
      labelAnchor: "center",
      labelArrow: "none",
    },
    y: { label: "difference, points", grid: true, labelAnchor: "center", labelArrow: "none" },
    marks: [
      Plot.ruleY([0], { strokeDasharray: "4 3" }),
      Plot.areaY(ranges, { x: "seeds", y1: "low", y2: "high", fill: COLOURS[0], fillOpacity: 0.12 }),
      Plot.line(points, { x: "seeds", y: "mean", stroke: COLOURS[0], strokeWidth: 2 }),
      Plot.dot(dots, { x: "seeds", y: "difference", fill: "task", r: 3.5 }),
    ],
  });
}
