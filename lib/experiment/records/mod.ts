/**
 * What came of runs: their own files, which are found by the hash of a spec, tables of all of them, and what runs a grid
 * and goes on where it was. Arrow's library is loaded once a record or a table is read or written.
 *
 * @module
 */
export { findRecord, type FoundRecord, recordPath, setAside } from "./find_record.ts";
export { type LiveRun, readLiveRuns } from "./live_runs.ts";
export { type FolderLock, lockFolder, type LockFolderOptions } from "./lock.ts";
export { METRIC_NAMES } from "./metric_names.ts";
export { type PeftFields, type PeftResult, peftResult, type PeftResultOptions } from "./peft_result.ts";
export {
  type CurvePoint,
  type LayerChange,
  METRICS,
  mostAtOnce,
  type RunRecord,
  type RunResult,
  scoreOf,
} from "./record.ts";
export { readRecord, writeRecord } from "./record_file.ts";
export {
  type GroupHooks,
  type GroupRunner,
  runAll,
  type RunAllOptions,
  type RunFunction,
  type RunOutcome,
  type RunProgress,
} from "./run_all.ts";
export { type TableOptions, writeTables } from "./tables.ts";
