import { findRecord, type RunRecord } from "../../lib/experiment/records/mod.ts";
import type { RunSpec } from "../../lib/experiment/specs/mod.ts";

/** The records of runs, where every one is recorded as finished. */
export async function recordedOf(
  specs: readonly RunSpec[],
  out: string,
): Promise<ReadonlyMap<RunSpec, RunRecord> | undefined> {
  const found = await Promise.all(specs.map((spec) => findRecord(out, spec)));
  const records = new Map<RunSpec, RunRecord>();
  for (const [i, one] of found.entries()) {
    if (one.kind !== "finished") return undefined;
    records.set(specs[i], one.record);
  }
  return records;
}
