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
} from "./notebook/display.ts";
export type { FigureOptions, PlotOptions } from "./figures/figure.ts";
export type { TableRow } from "./figures/table.ts";
export type { TreeOptions } from "./notebook/tree_table.ts";
export { axisFigure, type AxisOptions, type AxisPoint, axisPoints } from "./figures/axis_figure.ts";
export { bootstrapInterval, type BootstrapOptions, type Interval } from "./statistics/bootstrap_interval.ts";
export {
  compare,
  type CompareOptions,
  type Comparison,
  type Difference,
  type MethodScores,
} from "./statistics/compare.ts";
export { comparisonFigure, type ComparisonFigureOptions } from "./figures/comparison_figure.ts";
export { comparisonTable, type ComparisonTableOptions } from "./figures/comparison_table.ts";
export { equalParameters, type EqualParametersOptions, type EqualRank } from "./specs/equal_parameters.ts";
export { fairness, type FairnessOptions, requireFair, type Unfairness } from "./specs/fairness.ts";
export { findRecord, type FoundRecord, recordPath, setAside } from "./records/find_record.ts";
export { findings, type Verdict, verdictOf } from "./statistics/findings.ts";
export { type Axes, type Choices, grid, type GridOptions, type Varied } from "./specs/grid.ts";
export { factorRuns } from "./specs/factor_runs.ts";
export {
  type Dependent,
  expandRunFile,
  parseRunFile,
  RUN_FILE_VERSION,
  type RunFile,
  RunFileError,
  type RunFileInputs,
} from "./specs/run_file.ts";
export type { Part } from "./specs/run_part.ts";
export { type Corrected, correctFamily, holm } from "./statistics/holm.ts";
export {
  type BestRate,
  learningRateSweep,
  type SweepOptions,
  type SweepRun,
  type TriedRate,
} from "./statistics/learning_rate_sweep.ts";
export { type FolderLock, lockFolder, type LockFolderOptions } from "./records/lock.ts";
export { nearest, requireName } from "../text/nearest.ts";
export { type PairedDifferences, pairedDifferences, type Strata } from "./statistics/paired_differences.ts";
export {
  paretoFigure,
  paretoFront,
  type ParetoOptions,
  type ParetoPoint,
  paretoTable,
  type RankedPoint,
} from "./figures/pareto.ts";
export type { PointOptions } from "./statistics/points.ts";
export { reportFigure } from "./figures/report_figure.ts";
export type { ColumnType } from "./specs/column_type.ts";
export { METHOD_OPTIONS } from "./specs/method_options.ts";
export { type CurvePoint, METRICS, mostAtOnce, type RunRecord, type RunResult, scoreOf } from "./records/record.ts";
export { readRecord, writeRecord } from "./records/record_file.ts";
export { type TableOptions, writeTables } from "./records/tables.ts";
export {
  METRIC_NAMES,
  type PaperTable,
  paperTable,
  report,
  type ReportText,
  scoreCaption,
  scoreTable,
  writeLines,
} from "./figures/report.ts";
export { settingsLines } from "./figures/settings_lines.ts";
export { runAll, type RunAllOptions, type RunFunction, type RunProgress } from "./records/run_all.ts";
export {
  type ColumnsSpec,
  type DataSpec,
  type MethodSpec,
  type ModelSpec,
  type OptimizerSpec,
  type RunSpec,
  SPEC_VERSION,
  type TaskKind,
} from "./specs/run_spec.ts";
export {
  type ScoredRun,
  type ScoredRunOptions,
  scoredRuns,
  settingOf,
  type TableSetting,
} from "./statistics/scored_runs.ts";
export { EXACT_PAIRS, type SignFlip, type SignFlipOptions, signFlipTest } from "./statistics/sign_flip_test.ts";
export { canonicalJson, hashSpec, parseSpec, sha256 } from "./specs/spec.ts";
export { type Cell, summarize } from "./statistics/summarize.ts";
