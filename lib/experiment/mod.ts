/**
 * Grids of runs and their records.
 *
 * @module
 */
export { findRecord, type FoundRecord, recordPath } from "./find_record.ts";
export { type FolderLock, lockFolder } from "./lock.ts";
export { nearest, requireName } from "../data/nearest.ts";
export { reportFigure } from "./plot.ts";
export {
  type CurvePoint,
  METRICS,
  readRecord,
  type RunRecord,
  type RunResult,
  scoreOf,
  writeRecord,
  writeTables,
} from "./record.ts";
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
export { runAll, type RunAllOptions, type RunFunction, type RunProgress } from "./run_all.ts";
export { canonicalJson, hashSpec, parseSpec, type RunSpec, sha256 } from "./spec.ts";
export { type Cell, summarize } from "./summarize.ts";
