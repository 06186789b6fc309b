import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { METRIC_NAMES } from "./report.ts";
import { type RunRecord, scoreOf } from "./record.ts";
import { summarize } from "./summarize.ts";

/** Colours that keep their distance on white and on black, also for the colour-blind (Okabe and Ito). */
const COLOURS = ["#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#0072B2"];

function svgOf(options: Plot.PlotOptions): string {
  const { document } = parseHTML("<html><body></body></html>");
  const style = { background: "transparent", color: "#7f7f7f", fontSize: "12px" };
  const plot = Plot.plot({ ...options, document: document as unknown as Document, style });
  // With a legend, Plot wraps the figure.
  const svg = plot.tagName.toLowerCase() === "svg" ? plot : plot.querySelector("svg:last-of-type")!;
  return svg.outerHTML;
}

/** Scores by task and method: each seed as a dot, means as bars across. */
function scores(records: readonly RunRecord[], methods: readonly string[]): string {
  const metric = new Map(records.map(({ spec }) => [spec.task, METRIC_NAMES[spec.metric]]));
  const label = (task: string) => `${task} (${metric.get(task)})`;
  const dots = records.filter((record) => scoreOf(record) !== undefined).map((record) => ({
    task: label(record.spec.task),
    method: record.spec.method.name,
    score: 100 * scoreOf(record)!,
  }));
  const means = summarize(records).filter(({ mean }) => mean !== undefined)
    .map(({ task, method, mean }) => ({ task: label(task), method, score: 100 * mean! }));
  return svgOf({
    width: 760,
    height: 300,
    marginBottom: 56,
    color: { domain: [...methods], range: COLOURS },
    fx: { label: null, domain: [...new Set(dots.map(({ task }) => task))] },
    x: { label: null, domain: [...methods], tickRotate: -35 },
    y: { label: "score, per cent", grid: true },
    marks: [
      Plot.dot(dots, { fx: "task", x: "method", y: "score", stroke: "method", r: 4 }),
      Plot.tickY(means, { fx: "task", x: "method", y: "score", stroke: "method", strokeWidth: 2 }),
    ],
  });
}

/** A running mean, so that a curve can be read. */
function smooth(values: readonly number[], width: number): number[] {
  return values.map((_, i) => {
    const part = values.slice(Math.max(0, i - width + 1), i + 1);
    return part.reduce((a, b) => a + b, 0) / part.length;
  });
}

/** Training losses of the first seed, by task. */
function losses(records: readonly RunRecord[], methods: readonly string[]): string {
  const firstSeed = Math.min(...records.map(({ spec }) => spec.seed));
  const points = records.filter(({ spec }) => spec.seed === firstSeed).flatMap(({ spec, result }) => {
    const curve = result?.curve ?? [];
    const smoothed = smooth(curve.map(({ loss }) => loss), Math.max(1, Math.round(curve.length / 12)));
    return curve.map(({ step }, i) => ({ task: spec.task, method: spec.method.name, step, loss: smoothed[i] }));
  });
  return svgOf({
    width: 760,
    height: 220,
    color: { domain: [...methods], range: COLOURS },
    fx: { label: null, domain: [...new Set(points.map(({ task }) => task))] },
    x: { label: "step", ticks: 3 },
    y: { label: "training loss, running mean", grid: true },
    marks: [Plot.line(points, { fx: "task", x: "step", y: "loss", stroke: "method", strokeWidth: 1.5 })],
  });
}

/** The report's figure as SVG: scores above, losses below; readable on light and dark. */
export function reportFigure(records: readonly RunRecord[]): string {
  const methods = [...new Set(records.map(({ spec }) => spec.method.name))];
  const nest = (svg: string, y: number) => svg.replace("<svg", `<svg y="${y}"`);
  const legend = methods.map((method, i) =>
    `<g transform="translate(${20 + 120 * i}, 14)"><circle r="5" fill="${COLOURS[i % COLOURS.length]}"/>` +
    `<text x="10" y="4" fill="#7f7f7f" font-size="12" font-family="system-ui, sans-serif">${method}</text></g>`
  ).join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" width="760" height="560" viewBox="0 0 760 560">${legend}` +
    `${nest(scores(records, methods), 28)}${nest(losses(records, methods), 336)}</svg>\n`;
}
