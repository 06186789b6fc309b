import { type RunRecord, scoreOf } from "../../lib/experiment/records/mod.ts";

/** What `--json` prints of an experiment's records: its name, the files that were written, and each run. */
export function runSummary(records: readonly RunRecord[], files: readonly string[]) {
  return {
    experiment: records[0].spec.experiment,
    files,
    failed: records.filter(({ status }) => status === "failed").length,
    runs: records.map((record) => {
      const { hash, spec, status, error, result, isModified } = record;
      return { hash, spec, status, error, score: scoreOf(record), ...result, isModified, curve: undefined };
    }),
  };
}
