import { readRecord, type RunRecord } from "./record.ts";
import { hashSpec, type RunSpec } from "./spec.ts";

/** What lies where a run's record should be. */
export type FoundRecord =
  | { readonly kind: "finished"; readonly record: RunRecord }
  /** The run failed, and is tried again. */
  | { readonly kind: "failed"; readonly record: RunRecord }
  | { readonly kind: "missing" }
  /** The file is no whole record of this run. */
  | { readonly kind: "damaged"; readonly reason: string };

/** Path of a run's own file in a folder of records. */
export function recordPath(out: string, hash: string): string {
  return `${out}/runs/${hash}.arrow`;
}

/** Looks for the record of a run in a folder of records; reads only. */
export async function findRecord(out: string, spec: RunSpec): Promise<FoundRecord> {
  const hash = await hashSpec(spec);
  try {
    const record = await readRecord(recordPath(out, hash));
    const found = await hashSpec(record.spec);
    if (record.hash !== hash || found !== hash) {
      return { kind: "damaged", reason: `it is of run ${found}, not ${hash}` };
    }
    return { kind: record.status, record };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return { kind: "missing" };
    return { kind: "damaged", reason: (error as Error).message };
  }
}
