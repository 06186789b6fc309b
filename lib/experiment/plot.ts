import * as Plot from "@observablehq/plot";
import { COLOURS, stackSvg } from "./display_figure.ts";
import { METRIC_NAMES } from "./report.ts";
import { type RunRecord, scoreOf } from "./record.ts";
import { summarize } from "./summarize.ts";

const WIDTH = 760;
/** Titles of axes stand beside them: above them are the names of tasks. */
const BESIDE = { labelAnchor: "center", labelArrow: "none" } as const;

/** Scores by task and method: each seed as a dot, means as bars across. */
function scores(records: readonly RunRecord[], methods: readonly string[]): Plot.PlotOptions {
  const labels = new Map(records.map(({ spec: { task, metric } }) => [task, `${task} (${METRIC_NAMES[metric]})`]));
  const dots = records.filter((record) => scoreOf(record) !== undefined).map((record) => ({
    task: labels.get(record.spec.task),
    method: record.spec.method.name,
    score: 100 * scoreOf(record)!,
  }));
  const means = summarize(records).filter(({ mean }) => mean !== undefined)
    .map(({ task, method, mean }) => ({ task: labels.get(task), method, score: 100 * mean! }));
  return {
    width: WIDTH,
    height: 300,
    marginLeft: 52,
    marginBottom: 64,
    color: { domain: [...methods], range: COLOURS },
    fx: { label: null, domain: [...labels.values()] },
    x: { label: null, domain: [...methods], tickRotate: -35 },
    y: { label: "score, per cent", grid: true, ...BESIDE },
    marks: [
      Plot.dot(dots, { fx: "task", x: "method", y: "score", stroke: "method", r: 4 }),
      Plot.tickY(means, { fx: "task", x: "method", y: "score", stroke: "method", strokeWidth: 2 }),
    ],
  };
}

/** A running mean, so that a curve can be read. */
function smooth(values: readonly number[], width: number): number[] {
  return values.map((_, i) => {
    const part = values.slice(Math.max(0, i - width + 1), i + 1);
    return part.reduce((a, b) => a + b, 0) / part.length;
  });
}

/** Running means of the training losses of the first seed, by task. */
function losses(records: readonly RunRecord[], methods: readonly string[]): Plot.PlotOptions {
  const firstSeed = Math.min(...records.map(({ spec }) => spec.seed));
  const points = records.filter(({ spec }) => spec.seed === firstSeed).flatMap(({ spec, result }) => {
    const curve = result?.curve ?? [];
    const smoothed = smooth(curve.map(({ loss }) => loss), Math.max(1, Math.round(curve.length / 12)));
    return curve.map(({ step }, i) => ({ task: spec.task, method: spec.method.name, step, loss: smoothed[i] }));
  });
  return {
    width: WIDTH,
    height: 230,
    marginLeft: 52,
    color: { domain: [...methods], range: COLOURS },
    fx: { label: null, domain: [...new Set(records.map(({ spec }) => spec.task))] },
    x: { label: "step", ticks: 3, ...BESIDE },
    y: { label: `training loss, seed ${firstSeed}`, grid: true, ...BESIDE },
    marks: [Plot.line(points, { fx: "task", x: "step", y: "loss", stroke: "method", strokeWidth: 1.5 })],
  };
}

/** The report's figure as SVG: scores above, losses below. */
export function reportFigure(records: readonly RunRecord[]): string {
  const methods = [...new Set(records.map(({ spec }) => spec.method.name))];
  const plots = [scores(records, methods), losses(records, methods)];
  return `${stackSvg({ title: "Scores on the dev split, and losses", legend: methods }, plots)}\n`;
}
