/**
 * Figures of scores as SVG. What draws them takes longer to load than all else, so that commands import this once there is
 * something to draw.
 *
 * @module
 */
export { axisFigure, type AxisOptions, type AxisPoint, axisPoints } from "./axis_figure.ts";
export { comparisonFigure, type ComparisonFigureOptions } from "./comparison_figure.ts";
export { type Curve, curveFigure, type CurveFigureOptions } from "./curve_figure.ts";
export type { FigureOptions, PlotOptions } from "./figure.ts";
export {
  paretoFigure,
  paretoFront,
  type ParetoOptions,
  type ParetoPoint,
  paretoTable,
  type RankedPoint,
} from "./pareto.ts";
export { reportFigure } from "./report_figure.ts";
