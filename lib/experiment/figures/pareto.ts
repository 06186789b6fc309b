import * as Plot from "@observablehq/plot";
import { isSpread } from "./axis_figure.ts";
import { COLOURS, figureSvg, PAPER } from "./figure.ts";
import { tableMarkdown } from "../tables/table.ts";
import { formatPoints, type PointOptions } from "../statistics/points.ts";
import { spreadLabels } from "./spread_labels.ts";

/** Something with a quality and a cost, such as a method with its score and its memory. */
export interface ParetoPoint {
  /** Its name in tables and figures. */
  readonly name: string;
  /** A score, 0 to 1 as a rule; larger is better. */
  readonly quality: number;
  /** Bytes or seconds, say; smaller is better. */
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
  /** Stands above the figure; by default what is shown. */
  readonly title?: string;
}

/**
 * Points by cost, then by falling quality, with the front marked: those that no other point dominates. Equal points are
 * on the front together.
 *
 * Throws a RangeError where a number is not finite.
 *
 * @example
 * ```ts
 * import { paretoFront } from "@delta-dawn/delta-lora/experiment";
 *
 * const points = [
 *   { name: "full", quality: 0.7, cost: 9 },
 *   { name: "lora", quality: 0.8, cost: 3 },
 *   { name: "bitfit", quality: 0.6, cost: 2 },
 * ];
 * console.log(paretoFront(points).filter(({ isOnFront }) => isOnFront).map(({ name }) => name)); // ["bitfit", "lora"]
 * ```
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

/**
 * The points as a Markdown table, cheapest first, those on the front marked.
 *
 * Throws a RangeError where a number is not finite.
 *
 * @example
 * ```ts
 * import { paretoTable } from "@delta-dawn/delta-lora/experiment";
 *
 * const table = paretoTable([{ name: "lora", quality: 0.8, cost: 3 }], { unit: "seconds" });
 * console.log(table.split("\n")[0]); // | method | seconds | score, per cent | on the front |
 * ```
 */
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

/** Sizes of the figure in pixels: names need to know where points will lie. */
const FRAME = { width: 680, height: 340, left: 56, right: 110, top: 20, bottom: 42, inset: 12 };
/** Width of a letter, a little too much, and height of a line: names must not run into each other. */
const LETTER = 7;
const LINE = 13;
/** From the middle of a dot to its name. */
const GAP = 10;

/** A scale of Plot's from a range of values to pixels, and back. */
function scaleOf(values: readonly number[], { from, to, isLog }: { from: number; to: number; isLog: boolean }) {
  const [forth, back] = isLog ? [Math.log, Math.exp] : [Number, Number];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  // One value alone lies in the middle.
  const around = Math.abs(least) / 10 || 1;
  const domain = least < most ? [least, most] : [least - around, least + around];
  const [low, high] = domain.map(forth);
  return {
    domain,
    pixels: (value: number) => from + (to - from) * (forth(value) - low) / (high - low),
    value: (pixels: number) => back(low + (high - low) * (pixels - from) / (to - from)),
  };
}

/**
 * Quality against cost, as an SVG, with the front as a line of steps.
 *
 * Throws a RangeError where a number is not finite.
 *
 * @example
 * ```ts
 * import { paretoFigure } from "@delta-dawn/delta-lora/experiment";
 *
 * const points = [{ name: "full", quality: 0.7, cost: 9 }, { name: "lora", quality: 0.8, cost: 3 }];
 * console.log(paretoFigure(points, { unit: "seconds" }).startsWith("<svg")); // true
 * ```
 */
export function paretoFigure(
  points: readonly ParetoPoint[],
  { unit, scale = 100, title = `Scores against ${unit}, with the Pareto front` }: ParetoOptions,
): string {
  const ranked = paretoFront(points).map((point) => ({ ...point, quality: scale * point.quality }));
  const front = ranked.filter(({ isOnFront }) => isOnFront);
  const costs = ranked.map(({ cost }) => cost);
  const isLog = costs.length > 0 && isSpread(costs);
  const { width, height, left, right, top, bottom, inset } = FRAME;
  const x = scaleOf(costs, { from: left + inset, to: width - right - inset, isLog });
  const y = scaleOf(ranked.map(({ quality }) => quality), {
    from: height - bottom - inset,
    to: top + inset,
    isLog: false,
  });
  const dots = ranked.map(({ cost, quality }) => ({ x: x.pixels(cost), y: y.pixels(quality) }));
  const places = spreadLabels(dots, { widths: ranked.map(({ name }) => LETTER * name.length), height: LINE, gap: GAP });
  const names = ranked.map((point, i) => ({
    ...point,
    labelX: x.value(places[i].x),
    labelY: y.value(places[i].y),
    isMoved: Math.abs(places[i].y - dots[i].y) > LINE / 2,
  }));
  const axis = { labelAnchor: "center", labelArrow: "none" } as const;
  return figureSvg({
    title,
    width,
    height,
    marginLeft: left,
    marginRight: right,
    marginTop: top,
    marginBottom: bottom,
    x: {
      label: unit,
      type: isLog ? "log" : "linear",
      domain: ranked.length > 0 ? x.domain : undefined,
      tickFormat: "~s",
      ticks: 6,
      inset,
      ...axis,
    },
    y: {
      label: `score${scale === 100 ? ", per cent" : ""}`,
      grid: true,
      inset,
      domain: ranked.length > 0 ? y.domain : undefined,
      ...axis,
    },
    marks: [
      Plot.link(names.filter(({ isMoved }) => isMoved), {
        x1: "cost",
        y1: "quality",
        x2: "labelX",
        y2: "labelY",
        stroke: "#8c959f",
        strokeWidth: 0.75,
      }),
      Plot.line(front, { x: "cost", y: "quality", curve: "step-after", stroke: COLOURS[0], strokeWidth: 1.5 }),
      Plot.dot(ranked, {
        x: "cost",
        y: "quality",
        r: 4.5,
        stroke: COLOURS[0],
        fill: ({ isOnFront }: RankedPoint) => isOnFront ? COLOURS[0] : "#ffffff",
      }),
      Plot.text(names, {
        x: "labelX",
        y: "labelY",
        text: "name",
        dx: 2,
        textAnchor: "start",
        fill: "currentColor",
        stroke: PAPER,
        strokeWidth: 4,
      }),
    ],
  });
}
