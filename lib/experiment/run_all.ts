import { writeAtomically } from "../io/write_atomically.ts";
import { findRecord, recordPath } from "./find_record.ts";
import { type RunRecord, type RunResult, writeRecord, writeTables } from "./record.ts";
import { canonicalJson, hashSpec, type RunSpec } from "./spec.ts";

/** What a trainer tells while it runs. */
export interface RunProgress {
  /** Steps done. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
}

/** Trains and scores one run. Errors named `TrainingFailed` are results of that run alone; others end everything. */
export type RunFunction = (
  spec: RunSpec,
  options: { readonly onProgress: (progress: RunProgress) => void; readonly signal?: AbortSignal },
) => Promise<RunResult>;

/** Options of {@linkcode runAll}. */
export interface RunAllOptions {
  /** The folder, which the caller has locked. */
  readonly out: string;
  readonly run: RunFunction;
  /** Repeats runs that are recorded. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  /** Whether the working tree differs from its commit. */
  readonly isModified?: boolean;
  readonly onStart?: (index: number, spec: RunSpec) => void;
  readonly onProgress?: (index: number, progress: RunProgress) => void;
  /** Hears of every record: of those that were there, too. */
  readonly onRecord?: (index: number, record: RunRecord, isReused: boolean) => void;
  /** Hears of files that were damaged, set aside, and are made again. */
  readonly onDamage?: (path: string, reason: string) => void;
}

/**
 * Runs every spec that is not recorded yet, in order, and gives all records in that order. Each finished run is a file
 * `runs/<hash>.arrow` of its own, so that what was interrupted goes on where it was; runs that failed are tried again.
 */
export async function runAll(specs: readonly RunSpec[], options: RunAllOptions): Promise<RunRecord[]> {
  const { out, run, force = false, signal, isModified, onStart, onProgress, onRecord, onDamage } = options;
  const records: RunRecord[] = [];
  for (const [index, spec] of specs.entries()) {
    signal?.throwIfAborted();
    const hash = await hashSpec(spec);
    const path = recordPath(out, hash);
    const found = force ? { kind: "missing" } as const : await findRecord(out, spec);
    if (found.kind === "finished") {
      records.push(found.record);
      onRecord?.(index, found.record, true);
      continue;
    }
    if (found.kind === "damaged") {
      await Deno.rename(path, `${path}.damaged`);
      onDamage?.(path, found.reason);
    }
    onStart?.(index, spec);
    let record: RunRecord;
    try {
      const result = await run(spec, { signal, onProgress: (progress) => onProgress?.(index, progress) });
      record = { hash, spec, status: "finished", result, isModified };
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "TrainingFailed") throw error;
      record = { hash, spec, status: "failed", error: error.message, isModified };
    }
    await writeRecord(path, record);
    records.push(record);
    onRecord?.(index, record, false);
  }
  await writeTables(out, records);
  await writeAtomically(`${out}/specs.json`, `[\n${specs.map(canonicalJson).join(",\n")}\n]\n`);
  return records;
}
