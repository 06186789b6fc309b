// What the page of `deno task watch` is told: plain data, which the server and the page share.
import type { RunRecord } from "../../lib/experiment/records/mod.ts";
import type { RunSpec } from "../../lib/experiment/specs/mod.ts";

/** How far a run is. */
export const STATUSES = ["waiting", "running", "finished", "failed"] as const;
export type Status = typeof STATUSES[number];

/** A run of a folder of records. */
export interface WatchedRun {
  readonly hash: string;
  readonly spec: RunSpec;
  readonly status: Status;
  /** Steps done. */
  readonly step: number;
  /** Steps and mean losses of their batches, thinned out. */
  readonly curve: readonly (readonly [step: number, loss: number])[];
  /** What came of it, once it ended, without its curve and the names of its kernels. */
  readonly record?: RunRecord;
}

/** What is new in a folder since an earlier look at it. */
export interface Update {
  /** Which server says so: another one knows nothing of what was told before. */
  readonly session: string;
  /** A number that grows with each change. */
  readonly revision: number;
  readonly folder: string;
  /** When it was looked at, in ISO's format. */
  readonly at: string;
  /** Whether a process has the use of the folder. */
  readonly isInUse: boolean;
  /** Hashes of all runs, in their order. */
  readonly order: readonly string[];
  /** Runs that are new or changed. */
  readonly runs: readonly WatchedRun[];
  /** Files that are no whole records, and why. */
  readonly damaged: readonly string[];
}

/** Stands in JSON for a number that it has no word for. */
const KEY = "not a finite number";

/** Data as JSON, to the bit: numbers that are not finite, too. */
export function encode(data: unknown): string {
  return JSON.stringify(
    data,
    (_, value) => typeof value === "number" && !Number.isFinite(value) ? { [KEY]: String(value) } : value,
  );
}

/** What {@linkcode encode} made JSON of; the caller knows its type. */
export function decode(json: string): unknown {
  return JSON.parse(json, (_, value) => typeof value === "object" && value?.[KEY] ? Number(value[KEY]) : value);
}
