import * as Plot from "@observablehq/plot";
import { isSpread } from "./axis_figure.ts";
import { COLOURS, figureSvg } from "./display_figure.ts";
import { tableMarkdown } from "./display_table.ts";
import { formatPoints, type PointOptions } from "./points.ts";

/** Something that costs and is worth. */
export interface ParetoPoint {
  /** What it is called. */
  readonly name: string;
  /** A score; larger is better. */
  readonly quality: number;
  /** Bytes or seconds; smaller is better. */
  readonly cost: number;
}

/** A point, and whether no other is at least as good and as cheap, and better in one of both. */
export interface RankedPoint extends ParetoPoint {
  /** Whether it is on the front. */
  readonly isOnFront: boolean;
}

/** Options of {@linkcode paretoTable} and {@linkcode paretoFigure}. */
export interface ParetoOptions extends PointOptions {
  /** What cost is counted in, as tables print it: `peak bytes`, `seconds`. */
  readonly unit: string;
  /** Stands above the figure. */
  readonly title?: string;
}

/**
 * Points by cost, then by falling quality, with the front marked: those that no other point dominates. Equal points are
 * on the front together. Throws a RangeError where a number is not finite.
 */
export function paretoFront(points: readonly ParetoPoint[]): RankedPoint[] {
  for (const { name, quality, cost } of points) {
    if (!Number.isFinite(quality) || !Number.isFinite(cost)) {
      throw new RangeError(`Cannot rank ${name} as its numbers must be finite: quality ${quality}, cost ${cost}`);
    }
  }
  let best = -Infinity;
  let bestCost = -Infinity;
  return [...points].sort((a, b) => a.cost - b.cost || b.quality - a.quality).map((point) => {
    const isOnFront = point.quality > best || (point.quality === best && point.cost === bestCost);
    if (isOnFront) [best, bestCost] = [point.quality, point.cost];
    return { ...point, isOnFront };
  });
}

/** The points as a Markdown table, cheapest first, those on the front marked. */
export function paretoTable(points: readonly ParetoPoint[], { unit, scale = 100 }: ParetoOptions): string {
  return tableMarkdown(
    paretoFront(points).map(({ name, quality, cost, isOnFront }) => ({
      method: name,
      [unit]: cost,
      [scale === 100 ? "score, per cent" : "score"]: formatPoints(scale * quality, { digits: scale === 100 ? 1 : 3 }),
      "on the front": isOnFront ? "yes" : "",
    })),
  );
}

/** Quality against cost, as SVG, with the front as a line of steps. */
export function paretoFigure(
  points: readonly ParetoPoint[],
  { unit, scale = 100, title = `Scores against ${unit}, with the Pareto front` }: ParetoOptions,
): string {
  const ranked = paretoFront(points).map((point) => ({ ...point, quality: scale * point.quality }));
  const front = ranked.filter(({ isOnFront }) => isOnFront);
  const costs = ranked.map(({ cost }) => cost);
  const axis = { labelAnchor: "center", labelArrow: "none" } as const;
  return figureSvg({
    title,
    height: 340,
    marginLeft: 56,
    marginRight: 90,
    x: {
      label: unit,
      type: costs.length > 0 && isSpread(costs) ? "log" : "linear",
      tickFormat: "~s",
      ticks: 6,
      inset: 12,
      ...axis,
    },
    y: { label: `score${scale === 100 ? ", per cent" : ""}`, grid: true, inset: 12, ...axis },
    marks: [
      Plot.line(front, { x: "cost", y: "quality", curve: "step-after", stroke: COLOURS[0], strokeWidth: 1.5 }),
      Plot.dot(ranked, {
        x: "cost",
        y: "quality",
        r: 4.5,
        stroke: COLOURS[0],
        fill: ({ isOnFront }: RankedPoint) => isOnFront ? COLOURS[0] : "#ffffff",
      }),
      Plot.text(ranked, { x: "cost", y: "quality", text: "name", dx: 9, dy: -8, textAnchor: "start" }),
    ],
  });
}
