import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { METRIC_NAMES } from "./report.ts";
import { type RunRecord, scoreOf } from "./record.ts";
import { summarize } from "./summarize.ts";

/** Colours that keep their distance on white and on black, also for the colour-blind (Okabe and Ito). */
const COLOURS = ["#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#0072B2"];
const GREY = "#7f7f7f";
const WIDTH = 760;
const HEIGHT = 566;
const MARGIN_LEFT = 52;

const colourOf = (index: number) => COLOURS[index % COLOURS.length];

/** A plot as a group of SVG, moved down: a nested SVG would take the height that Plot's style sheet gives it. */
function groupOf(options: Plot.PlotOptions, y: number): string {
  const { document } = parseHTML("<html><body></body></html>");
  const plot = Plot.plot({
    width: WIDTH,
    marginLeft: MARGIN_LEFT,
    ...options,
    document: document as unknown as Document,
    style: { fontSize: "12px" },
  });
  const parts = Array.from(plot.children).filter(({ tagName }) => tagName.toLowerCase() !== "style");
  return `<g transform="translate(0,${y})" text-anchor="middle">${parts.map((part) => part.outerHTML).join("")}</g>`;
}

const colours = (methods: readonly string[]) => ({ domain: [...methods], range: methods.map((_, i) => colourOf(i)) });

/** Titles of axes that stand beside them, where no title of a task is. */
const besideAxis = { labelAnchor: "center", labelArrow: "none" } as const;

/** Scores by task and method: each seed as a circle, means as bars across. */
function scores(records: readonly RunRecord[], methods: readonly string[], y: number): string {
  const labels = new Map(records.map(({ spec: { task, metric } }) => [task, `${task} (${METRIC_NAMES[metric]})`]));
  const seeds = records.filter((record) => scoreOf(record) !== undefined).map((record) => ({
    task: labels.get(record.spec.task),
    method: record.spec.method.name,
    score: 100 * scoreOf(record)!,
  }));
  const means = summarize(records).filter(({ mean }) => mean !== undefined)
    .map(({ task, method, mean }) => ({ task: labels.get(task), method, score: 100 * mean! }));
  return groupOf({
    height: 300,
    marginBottom: 64,
    color: colours(methods),
    fx: { label: null, domain: [...labels.values()] },
    x: { label: null, domain: [...methods], tickRotate: -35 },
    y: { label: "score, per cent", grid: true, ...besideAxis },
    marks: [
      Plot.dot(seeds, { fx: "task", x: "method", y: "score", stroke: "method", r: 4 }),
      Plot.tickY(means, { fx: "task", x: "method", y: "score", stroke: "method", strokeWidth: 2 }),
    ],
  }, y);
}

/** A running mean, so that a curve can be read. */
function smooth(values: readonly number[], width: number): number[] {
  return values.map((_, i) => {
    const part = values.slice(Math.max(0, i - width + 1), i + 1);
    return part.reduce((a, b) => a + b, 0) / part.length;
  });
}

/** Training losses of the first seed, by task. */
function losses(records: readonly RunRecord[], methods: readonly string[], y: number): string {
  const firstSeed = Math.min(...records.map(({ spec }) => spec.seed));
  const points = records.filter(({ spec }) => spec.seed === firstSeed).flatMap(({ spec, result }) => {
    const curve = result?.curve ?? [];
    const smoothed = smooth(curve.map(({ loss }) => loss), Math.max(1, Math.round(curve.length / 12)));
    return curve.map(({ step }, i) => ({ task: spec.task, method: spec.method.name, step, loss: smoothed[i] }));
  });
  return groupOf({
    height: 230,
    marginBottom: 40,
    color: colours(methods),
    fx: { label: null, domain: [...new Set(records.map(({ spec }) => spec.task))] },
    x: { label: "step", ticks: 3, labelAnchor: "center", labelArrow: "none" },
    y: { label: `training loss, seed ${firstSeed}`, grid: true, ...besideAxis },
    marks: [Plot.line(points, { fx: "task", x: "step", y: "loss", stroke: "method", strokeWidth: 1.5 })],
  }, y);
}

/** The report's figure as SVG: scores above, running means of losses below; readable on light and dark. */
export function reportFigure(records: readonly RunRecord[]): string {
  const methods = [...new Set(records.map(({ spec }) => spec.method.name))];
  const legend = methods.map((method, i) =>
    `<g transform="translate(${MARGIN_LEFT + 116 * i},14)"><circle r="5" fill="${colourOf(i)}"/>` +
    `<text x="10" y="4">${method}</text></g>`
  ).join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" ` +
    `color="${GREY}" fill="currentColor" font-family="system-ui, sans-serif" font-size="12">${legend}` +
    `${scores(records, methods, 28)}${losses(records, methods, 336)}</svg>\n`;
}
