import { hashSpec, type RunSpec } from "../../lib/experiment/specs/mod.ts";
import {
  findRecord,
  type FolderLock,
  type GroupRunner,
  runAll,
  type RunRecord,
} from "../../lib/experiment/records/mod.ts";
import { onInterrupt } from "../terminal/interrupt.ts";
import { Narrator, runTitle } from "../terminal/narrator.ts";
import { statesFolder } from "./train/trainer.ts";
import { isModified } from "./versions.ts";

/** Options of {@linkcode runSpecs}. */
export interface RunSpecsOptions {
  /** The folder of records. */
  readonly out: string;
  readonly lock?: FolderLock;
  /** What trains and scores runs; absent where every one is recorded. */
  readonly runnerOf?: (specs: readonly RunSpec[]) => Promise<GroupRunner>;
  /** How many groups of them are under way at once, 1 by default. */
  readonly parallel?: number;
  /** Repeats runs that are recorded. */
  readonly force?: boolean;
  /** Writes the tables as Parquet, too. */
  readonly parquet?: boolean;
  /** Seconds that are expected of each run that is open. */
  readonly seconds: ReadonlyMap<RunSpec, number>;
  /** Gets each record, in the order of the specs, and is waited for. */
  readonly onRecord?: (record: RunRecord) => Promise<void>;
  /** A run as lines name it; task, method and seed by default. */
  readonly title?: (spec: RunSpec) => string;
}

/** Removes the states that a run left on its way. */
async function removeStates(out: string, hash: string): Promise<void> {
  try {
    await Deno.remove(statesFolder(out, hash), { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Runs that are not recorded as finished. */
export async function openRuns(specs: readonly RunSpec[], out: string): Promise<RunSpec[]> {
  const found = await Promise.all(specs.map((spec) => findRecord(out, spec)));
  return specs.filter((_, i) => found[i].kind !== "finished");
}

/** Runs what is not recorded and tells of it on standard error; Ctrl-C, SIGTERM and SIGHUP end it between two steps. */
export async function runSpecs(specs: readonly RunSpec[], options: RunSpecsOptions): Promise<RunRecord[]> {
  const { out, lock, runnerOf, parallel, force, parquet, seconds, title = runTitle, onRecord } = options;
  using interrupt = onInterrupt(`the same command goes on from here (${out})`);
  const narrator = new Narrator(specs.length, seconds, title);
  if (force) { for (const spec of specs) await removeStates(out, await hashSpec(spec)); }
  try {
    const records: RunRecord[] = [];
    const runs = runAll(specs, {
      out,
      lock,
      run: await runnerOf?.(specs) ?? ((spec: RunSpec): never => {
        throw new Error(`internal: ${title(spec)} is recorded and runs all the same`);
      }),
      parallel,
      force,
      parquet,
      signal: interrupt.signal,
      isModified: await isModified(),
      onStart: (index, spec, group) => narrator.start(index, spec, group),
      onProgress: (index, { step, loss }) => narrator.progress(index, step, loss),
      onRecord: (index, record, isReused) => isReused || narrator.record(index, record, specs[index]),
      onDamage: (path, reason) => console.error(`${path} is damaged, set aside and made again: ${reason}`),
    });
    for await (const record of runs) {
      await removeStates(out, record.hash);
      await onRecord?.(record);
      records.push(record);
    }
    return records;
  } finally {
    narrator.end();
  }
}
