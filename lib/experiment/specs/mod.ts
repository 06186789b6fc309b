/**
 * What a run is, as plain data: specs, which are checked and named by their hash, grids of them, files that describe them,
 * and whether they were treated alike.
 *
 * @module
 */
export type { ColumnType } from "./column_type.ts";
export { equalParameters, type EqualParametersOptions, type EqualRank } from "./equal_parameters.ts";
export { factorRuns } from "./factor_runs.ts";
export { fairness, type FairnessOptions, requireFair, type Unfairness } from "./fairness.ts";
export { type Axes, type Choices, grid, type GridOptions, type Varied } from "./grid.ts";
export { METHOD_OPTIONS } from "./method_options.ts";
export {
  type Dependent,
  expandRunFile,
  parseRunFile,
  RUN_FILE_VERSION,
  type RunFile,
  RunFileError,
  type RunFileInputs,
} from "./run_file.ts";
export type { Part } from "./run_part.ts";
export {
  type ColumnsSpec,
  type DataSpec,
  type DecodingSpec,
  LATE_STATES,
  type MethodSpec,
  type ModelSpec,
  type ModuleSpec,
  type OptimizerSpec,
  type RunSpec,
  SPEC_VERSION,
  type TaskKind,
} from "./run_spec.ts";
export { canonicalJson, hashSpec, parseSpec, sha256 } from "./spec.ts";
