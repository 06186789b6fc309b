import { findRecord, recordPath, setAside } from "./find_record.ts";
import { Groups } from "./groups.ts";
import { LiveRuns } from "./live_runs.ts";
import { LiveTables } from "./live_tables.ts";
import { type FolderLock, lockFolder } from "./lock.ts";
import type { RunRecord, RunResult } from "./record.ts";
import { writeRecord } from "./record_file.ts";
import { writeSpecs } from "./write_specs.ts";
import { hashSpec, parseSpec, type RunSpec } from "../specs/spec.ts";
import { messageOf } from "../../text/message_of.ts";

/** What a trainer tells while it runs. */
export interface RunProgress {
  /** Steps done. */
  readonly step: number;
  /** Steps of the run. */
  readonly steps: number;
  /** Mean loss of the last step's batch. */
  readonly loss: number;
}

/** Trains and scores one run. Errors named `TrainingFailed` are results of that run alone; others end everything. */
export type RunFunction = (
  spec: RunSpec,
  options: { readonly onProgress: (progress: RunProgress) => void; readonly signal?: AbortSignal },
) => Promise<RunResult>;

/** What came of one run of several that are trained together. */
export type RunOutcome =
  | { readonly status: "finished"; readonly result: RunResult }
  | { readonly status: "failed"; readonly error: string };

/** What hears of runs that are trained together; each is known by its place among them. */
export interface GroupHooks {
  /** Hears of what a run tells. */
  readonly onProgress: (cell: number, progress: RunProgress) => void;
  /** Gets what came of a run, once for each, and is waited for: it is recorded then. */
  readonly onOutcome: (cell: number, outcome: RunOutcome) => Promise<void>;
  /** Ends all of them. */
  readonly signal?: AbortSignal;
}

/** Trains and scores runs together, as cells of one program; a run that fails is an outcome, and no error. */
export interface GroupRunner {
  /** Most runs of a group that a run may be one of, a whole number from 1. */
  readonly most: (spec: RunSpec) => number;
  /** Runs with the same key may share a group. */
  readonly keyOf: (spec: RunSpec) => string;
  /** What a run takes, about, in any unit, so that groups under way at once end together; all alike by default. */
  readonly workOf?: (spec: RunSpec) => number;
  /** What it takes to begin with another key, or with another size of its groups; nothing by default. */
  readonly beginWork?: number;
  /** Trains and scores them. What it throws ends the grid. */
  readonly run: (specs: readonly RunSpec[], hooks: GroupHooks) => Promise<void>;
}

/** Options of {@linkcode runAll}. */
export interface RunAllOptions {
  /** The folder of records, of which one process at a time has the use. */
  readonly out: string;
  /** Trains and scores a run, or several that may share a group. */
  readonly run: RunFunction | GroupRunner;
  /** The right to write into `out`, where the caller has it already; it is taken and given back otherwise. */
  readonly lock?: FolderLock;
  /**
   * Whether runs that are recorded are taken as they are, true by default; `false` refuses a folder in which one is.
   */
  readonly resume?: boolean;
  /** Whether runs that are recorded are repeated; false by default. */
  readonly force?: boolean;
  /**
   * How many runs, or groups of them, are under way at once, 1 by default. More is for a `run` that works elsewhere: on
   * devices or processes of its own.
   */
  readonly parallel?: number;
  /** Whether the tables are written in Parquet, too; false by default. */
  readonly parquet?: boolean;
  /** Ends the grid, and what runs of it, with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Whether the working tree differs from its commit. */
  readonly isModified?: boolean;
  /** Hears of a run that begins, and of those that are trained together with it, itself among them. */
  readonly onStart?: (index: number, spec: RunSpec, group: readonly RunSpec[]) => void;
  /** Hears of what a run tells. */
  readonly onProgress?: (index: number, progress: RunProgress) => void;
  /** Hears of every record as soon as it is there: of those that were there before, too. */
  readonly onRecord?: (index: number, record: RunRecord, isReused: boolean) => void;
  /** Hears of files that were damaged, set aside, and are made again. */
  readonly onDamage?: (path: string, reason: string) => void;
}

/** Throws where there is nothing to run, a spec is wrong, or two are the same; gives their hashes. */
async function hashesOf(specs: readonly RunSpec[]): Promise<string[]> {
  if (specs.length === 0) throw new RangeError("Cannot run a grid as it is empty");
  specs.forEach((spec, index) => {
    try {
      parseSpec(spec);
    } catch (error) {
      throw new TypeError(`Cannot run spec ${index + 1} of ${specs.length}: ${messageOf(error)}`);
    }
  });
  const hashes = await Promise.all(specs.map(hashSpec));
  const repeated = hashes.findIndex((hash, index) => hashes.indexOf(hash) !== index);
  if (repeated >= 0) {
    const first = hashes.indexOf(hashes[repeated]);
    throw new RangeError(`Cannot run a grid as its specs ${first + 1} and ${repeated + 1} are the same run`);
  }
  return hashes;
}

/** The records that there are, by index; what is damaged is set aside. */
async function recordsOf(specs: readonly RunSpec[], options: RunAllOptions): Promise<Map<number, RunRecord>> {
  const { out, resume = true, onDamage } = options;
  const records = new Map<number, RunRecord>();
  for (const [index, spec] of specs.entries()) {
    const found = await findRecord(out, spec);
    if (found.kind === "damaged") {
      const path = recordPath(out, await hashSpec(spec));
      await setAside(path);
      onDamage?.(path, found.reason);
    } else if (found.kind !== "missing") records.set(index, found.record);
  }
  if (!resume && records.size > 0) {
    throw new RangeError(
      `Cannot start afresh in ${out} as ${records.size} of ${specs.length} runs are recorded there: ` +
        "resume them, force them, or choose another folder",
    );
  }
  return records;
}

/** A run that is trained alone, as a group of one. */
function groupOf(run: RunFunction): GroupRunner {
  return {
    most: () => 1,
    keyOf: () => "",
    async run([spec], { onProgress, onOutcome, signal }) {
      let outcome: RunOutcome;
      try {
        const result = await run(spec, { signal, onProgress: (progress) => onProgress(0, progress) });
        outcome = { status: "finished", result };
      } catch (error) {
        if (!(error instanceof Error) || error.name !== "TrainingFailed") throw error;
        outcome = { status: "failed", error: error.message };
      }
      await onOutcome(0, outcome);
    },
  };
}

/**
 * Runs every spec that is not recorded yet and gives all records in the order of their specs, each as soon as it and
 * those before it are there. Each run that ended is a file `runs/<hash>.arrow` of its own, so that what was interrupted
 * or killed goes on where it was; runs that failed are tried again. `runs.arrow` and `curves.arrow` hold the records
 * there are, and are written anew as the grid grows and in the end.
 *
 * A run that starts from another's outcome (`spec.start`) begins when that one has ended. A run begins only while a
 * record is waited for; where the loop over records is left, runs under way are told to stop by their signal. `await
 * Array.fromAsync(runAll(…))` gives all records.
 *
 * Throws a RangeError where there are no specs, or one comes twice, a TypeError where one is wrong, an Error where the
 * folder cannot be written or another process uses it, and what `run` throws but for `TrainingFailed`.
 *
 * @example
 * ```ts
 * import { grid, runAll, type RunFunction, type RunSpec, scoreOf } from "@delta-dawn/delta-lora/experiment";
 *
 * async function scoresOverSeeds(base: RunSpec, run: RunFunction) {
 *   const scores: (number | undefined)[] = [];
 *   for await (const record of runAll(grid({ ...base, seed: [0, 1, 2] }), { out: "runs/seeds", run })) {
 *     scores.push(scoreOf(record));
 *   }
 *   return scores;
 * }
 * ```
 */
export async function* runAll(
  specs: readonly RunSpec[],
  options: RunAllOptions,
): AsyncGenerator<RunRecord, void, undefined> {
  const { out, lock, force = false, parallel = 1, parquet, signal, isModified } = options;
  const runner = typeof options.run === "function" ? groupOf(options.run) : options.run;
  const { onStart, onProgress, onRecord } = options;
  if (!Number.isInteger(parallel) || parallel < 1) {
    throw new RangeError(`Cannot run a grid as parallel must be a whole number from 1 on: ${parallel}`);
  }
  const hashes = await hashesOf(specs);
  if (lock && lock.folder !== out) throw new RangeError(`Cannot write into ${out} as the lock is of ${lock.folder}`);
  using _own = lock ? undefined : await lockFolder(out);
  await Deno.mkdir(`${out}/runs`, { recursive: true });
  await writeSpecs(out, specs);

  const records = force ? new Map<number, RunRecord>() : await recordsOf(specs, options);
  const isReused = specs.map((_, index) => records.get(index)?.status === "finished");
  const tables = new LiveTables(out, () => [...specs.keys()].flatMap((index) => records.get(index) ?? []), { parquet });

  const stop = new AbortController();
  const stopped = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const live = new LiveRuns(out);
  const groups = new Groups(specs, {
    runner,
    parallel,
    hashes,
    open: [...specs.keys()].filter((index) => !isReused[index]),
    signal: stopped,
    onStart(index, spec, group) {
      live.start(hashes[index], spec);
      onStart?.(index, spec, group);
    },
    onProgress(index, progress) {
      live.progress(hashes[index], progress);
      onProgress?.(index, progress);
    },
    async onOutcome(index, outcome) {
      const record: RunRecord = { hash: hashes[index], spec: specs[index], ...outcome, isModified };
      await writeRecord(recordPath(out, record.hash), record);
      records.set(index, record);
      live.end(record.hash);
      onRecord?.(index, record, false);
      await tables.refresh();
    },
  });

  let isFaulty = false;
  try {
    for (const index of specs.keys()) {
      signal?.throwIfAborted();
      if (isReused[index]) onRecord?.(index, records.get(index)!, true);
      while (!isReused[index] && !groups.hasEnded(index)) await groups.next();
      yield records.get(index)!;
    }
  } catch (error) {
    isFaulty = true;
    throw error;
  } finally {
    stop.abort(new DOMException("the grid has ended", "AbortError"));
    await groups.settled();
    await tables.write().finally(() => live.close()).catch((error) => {
      if (!isFaulty) throw error; // the first fault says more
    });
  }
}
