import { formatBytes } from "../../compile/inspect/format_bytes.ts";
import type { TableRow } from "../tables/table.ts";
import { type RunRecord, scoreOf } from "../records/record.ts";

/** What a cell shows where a run has no such number. */
const NONE = "–";

/** Options of the method in which some runs of a method differ from others, such as `rank` and `lambda`. */
function variedOptions(records: readonly RunRecord[]): string[] {
  const byMethod = Map.groupBy(records, ({ spec }) => spec.method.name);
  const varied = [...byMethod.values()].flatMap((own) => {
    const options = new Set(own.flatMap(({ spec }) => Object.keys(spec.method)));
    return [...options].filter((option) => new Set(own.map(({ spec }) => spec.method[option])).size > 1);
  });
  return [...new Set(varied)];
}

/** Rows of a table of records: what was run, in which options runs differ, and what was measured. */
export function recordRows(records: readonly RunRecord[]): TableRow[] {
  const options = variedOptions(records);
  return records.map((record) => {
    const { spec, status, error, result } = record;
    const option = (name: string) => {
      const value = spec.method[name] ?? NONE;
      return typeof value === "boolean" ? String(value) : value;
    };
    return {
      task: spec.task,
      method: spec.method.name,
      ...Object.fromEntries(options.map((name) => [name, option(name)])),
      seed: spec.seed,
      steps: spec.steps,
      metric: spec.metric,
      score: scoreOf(record) ?? NONE,
      "last loss": result?.curve.at(-1)?.loss ?? NONE,
      "trained parameters": result?.trainableParameters ?? NONE,
      "peak memory": result ? formatBytes(result.peakBytes) : NONE,
      "steps/s": result ? Number(result.stepsPerSecond.toPrecision(3)) : NONE,
      ...status === "failed" && { failed: error ?? "" },
    };
  });
}
