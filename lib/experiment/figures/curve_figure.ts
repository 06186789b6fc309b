import * as Plot from "@observablehq/plot";
import { isSpread } from "./axis_figure.ts";
import { COLOURS, figureSvg } from "./figure.ts";

/** A curve of a run. */
export interface Curve {
  /** What its colour stands for, such as its method. */
  readonly name: string;
  /** Steps, ascending, and what was measured there. */
  readonly points: readonly (readonly [step: number, value: number])[];
}

/** Options of {@linkcode curveFigure}. */
export interface CurveFigureOptions {
  /** What is measured, as the axis calls it; `training loss` by default. */
  readonly label?: string;
  /** Stands above the figure; by default what is shown. */
  readonly title?: string;
}

/**
 * Curves of several runs in one frame, as an SVG: a line each, curves of one name in one colour. The axis is logarithmic
 * where all values are positive and spread over a factor of 8 or more; what is not finite is left out.
 *
 * @example
 * ```ts
 * import { curveFigure } from "@delta-dawn/delta-lora/experiment";
 *
 * const curves = [{ name: "lora", points: [[0, 0.7], [1, 0.5]] as const }];
 * console.log(curveFigure(curves).startsWith("<svg")); // true
 * ```
 */
export function curveFigure(
  curves: readonly Curve[],
  { label = "training loss", title = `Curves of ${label}` }: CurveFigureOptions = {},
): string {
  const names = [...new Set(curves.map(({ name }) => name))];
  const points = curves.flatMap(({ name, points }, run) =>
    points.map(([step, value]) => ({ run, name, step, value })).filter(({ value }) => Number.isFinite(value))
  );
  const values = points.map(({ value }) => value);
  return figureSvg({
    title,
    height: 300,
    marginLeft: 56,
    color: { domain: names, range: COLOURS, legend: true },
    x: { label: "step", tickFormat: "~s", ticks: 6, labelAnchor: "center", labelArrow: "none" },
    y: {
      label,
      type: values.length > 0 && isSpread(values) ? "log" : "linear",
      tickFormat: "~g",
      grid: true,
      labelAnchor: "center",
      labelArrow: "none",
    },
    marks: [
      Plot.line(points, { x: "step", y: "value", z: "run", stroke: "name", strokeWidth: 1.25, strokeOpacity: 0.85 }),
    ],
  });
}
