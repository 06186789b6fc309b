import * as Plot from "@observablehq/plot";
import { stackSvg } from "../../lib/experiment/figures/figure.ts";
import type { BenchDocument, KernelResult, ModelResult, PeerStepResult } from "./document.ts";

const WIDTH = 760;
const ROW = 22;
const MARGIN = { marginLeft: 200, marginRight: 56 };

/** Speeds of kernels of one unit: a dot for each contender. */
function kernelPlot(results: readonly KernelResult[], names: readonly string[], unit: string): Plot.PlotOptions {
  const own = results.filter((result) => result.unit === unit);
  const dots = own.flatMap(({ name, amount, contenders }) =>
    contenders.map((one) => ({ kernel: name, who: one.name, speed: amount / one.timing.best / 1e6 }))
  );
  return {
    width: WIDTH,
    height: 70 + ROW * own.length,
    ...MARGIN,
    color: { domain: [...names] },
    x: { label: `${unit}, best of rounds →`, grid: true, zero: true },
    y: { label: null, domain: own.map(({ name }) => name) },
    marks: [Plot.dot(dots, { x: "speed", y: "kernel", fill: "who", r: 4 })],
  };
}

/** Times of steps by method, one plot for each model. */
function stepPlot({ model, steps }: ModelResult): Plot.PlotOptions {
  const bars = steps.map(({ method, timing }) => ({ method, time: timing.best, median: timing.median }));
  return {
    width: WIDTH,
    height: 70 + ROW * steps.length,
    ...MARGIN,
    x: { label: `ms a step, ${model}; bar: best, line: median →`, grid: true },
    y: { label: null, domain: steps.map(({ method }) => method) },
    marks: [
      Plot.barX(bars, { x: "time", y: "method", fill: "#8c959f" }),
      Plot.tickX(bars, { x: "median", y: "method", strokeWidth: 2 }),
    ],
  };
}

/** Times of the same step by contender. */
function peerStepPlot({ contenders }: PeerStepResult, names: readonly string[]): Plot.PlotOptions {
  const bars = contenders.map(({ name, timing }) => ({ who: name, time: timing.best }));
  return {
    width: WIDTH,
    height: 70 + ROW * bars.length,
    ...MARGIN,
    color: { domain: [...names] },
    x: { label: "ms for the same step of full fine-tuning, best of rounds →", grid: true },
    y: { label: null, domain: bars.map(({ who }) => who) },
    marks: [Plot.barX(bars, { x: "time", y: "who", fill: "who" })],
  };
}

/** All plots of a run as one SVG. Throws a RangeError where there is nothing to draw. */
export function benchFigure({ kernels = [], models = [], peerStep }: BenchDocument): string {
  const names = [...new Set(kernels.flatMap(({ contenders }) => contenders.map(({ name }) => name)))];
  const units = ["GFLOP/s", "GB/s"].filter((unit) => kernels.some((result) => result.unit === unit));
  const plots = [
    ...units.map((unit) => kernelPlot(kernels, names, unit)),
    ...models.map(stepPlot),
    ...peerStep ? [peerStepPlot(peerStep, names)] : [],
  ];
  if (plots.length === 0) throw new RangeError("cannot draw a run without kernels and steps");
  return stackSvg({ title: "Kernels and training steps", legend: names }, plots) + "\n";
}
