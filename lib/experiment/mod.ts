/**
 * Grids of runs, their records, and what they say: specs as plain data, tables for Arrow and Parquet, intervals and tests,
 * and what a notebook shows of them.
 *
 * @module
 */
export {
  type Display,
  figure,
  type Place,
  recordTable,
  show,
  type Showable,
  showLive,
  table,
  treeTable,
} from "./display.ts";
export type { FigureOptions, PlotOptions } from "./display_figure.ts";
export type { TableRow } from "./display_table.ts";
export type { TreeOptions } from "./display_tree.ts";
export { axisFigure, type AxisOptions, type AxisPoint, axisPoints } from "./axis_figure.ts";
export { bootstrapInterval, type BootstrapOptions, type Interval } from "./bootstrap_interval.ts";
export { compare, type CompareOptions, type Comparison, type Difference, type MethodScores } from "./compare.ts";
export { comparisonFigure, type ComparisonFigureOptions } from "./comparison_figure.ts";
export { comparisonTable, type ComparisonTableOptions } from "./comparison_table.ts";
export { equalParameters, type EqualParametersOptions, type EqualRank } from "./equal_parameters.ts";
export { fairness, type FairnessOptions, requireFair, type Unfairness } from "./fairness.ts";
export { findRecord, type FoundRecord, recordPath, setAside } from "./find_record.ts";
export { findings, type Verdict, verdictOf } from "./findings.ts";
export { type Axes, type Choices, grid, type GridOptions, type Varied } from "./grid.ts";
export { type Corrected, correctFamily, holm } from "./holm.ts";
export {
  type BestRate,
  learningRateSweep,
  type SweepOptions,
  type SweepRun,
  type TriedRate,
} from "./learning_rate_sweep.ts";
export { type FolderLock, lockFolder } from "./lock.ts";
export { nearest, requireName } from "../data/nearest.ts";
export { type PairedDifferences, pairedDifferences, type Strata } from "./paired_differences.ts";
export {
  paretoFigure,
  paretoFront,
  type ParetoOptions,
  type ParetoPoint,
  paretoTable,
  type RankedPoint,
} from "./pareto.ts";
export type { PointOptions } from "./points.ts";
export { reportFigure } from "./plot.ts";
export { METHOD_OPTIONS } from "./method_options.ts";
export { type CurvePoint, METRICS, mostAtOnce, type RunRecord, type RunResult, scoreOf } from "./record.ts";
export { readRecord, writeRecord } from "./record_file.ts";
export { type TableOptions, writeTables } from "./tables.ts";
export {
  METRIC_NAMES,
  type PaperTable,
  paperTable,
  report,
  type ReportText,
  scoreCaption,
  scoreTable,
  writeLines,
} from "./report.ts";
export { settingsLines } from "./settings_lines.ts";
export { runAll, type RunAllOptions, type RunFunction, type RunProgress } from "./run_all.ts";
export type { DataSpec, MethodSpec, ModelSpec, OptimizerSpec, RunSpec } from "./run_spec.ts";
export { type ScoredRun, type ScoredRunOptions, scoredRuns, settingOf, type TableSetting } from "./scored_runs.ts";
export { EXACT_PAIRS, type SignFlip, type SignFlipOptions, signFlipTest } from "./sign_flip_test.ts";
export { canonicalJson, hashSpec, parseSpec, sha256 } from "./spec.ts";
export { type Cell, summarize } from "./summarize.ts";
