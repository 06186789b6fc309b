import { hashSpec, type RunSpec } from "../../lib/experiment/specs/mod.ts";
import { findRecord, lockFolder } from "../../lib/experiment/records/mod.ts";
import { shareOut } from "../runner/share_out.ts";
import type { Inputs } from "../runner/data/inputs.ts";
import { writeRunFile } from "../runner/write_run_file.ts";
import { copyRun } from "./collect_sweep.ts";
import { planTasks } from "./plan_tasks.ts";
import {
  type KeptSweep,
  type LaunchOptions,
  readSweep,
  sweepFolder,
  type SweepInputs,
  type SweepTask,
  taskFolder,
  writeSweep,
} from "./sweep_file.ts";

/** What a sweep is planned from. */
export interface PlanSweepOptions {
  /** The folder of records, as an absolute path. */
  readonly out: string;
  readonly inputs: Inputs;
  /** Where inputs lie, as files of runs name them. */
  readonly places: SweepInputs;
  /** How tasks are launched; what is left out stays as it was planned before. */
  readonly options: Partial<LaunchOptions>;
  /** The words of a task's command, for so many cells at most. */
  readonly command: (cells: number) => readonly string[];
  /** Most runs of a program that are trained together; by default what `shareOut` says of a GPU. */
  readonly cells?: number;
  /** Most runs of a task; `cells` by default. */
  readonly runs?: number;
}

/** Where a folder of records lies, whatever the folder that a process is in. */
export function absolutePath(path: string): string {
  return path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
}

/** Hashes of the specs that no task has, and whose runs are not recorded as finished. */
async function openHashes(specs: ReadonlyMap<string, RunSpec>, out: string, known?: KeptSweep): Promise<Set<string>> {
  const planned = new Set(known?.tasks.flatMap(({ runs }) => runs));
  const open = new Set<string>();
  for (const [hash, spec] of specs) {
    if (!planned.has(hash) && (await findRecord(out, spec)).kind !== "finished") open.add(hash);
  }
  return open;
}

/** Writes the file of a task's runs, and brings what of them is recorded already: others start from that. */
async function writeTask(
  { name, runs }: SweepTask,
  { out, places, specs }: {
    readonly out: string;
    readonly places: SweepInputs;
    readonly specs: ReadonlyMap<string, RunSpec>;
  },
): Promise<void> {
  const folder = taskFolder(out, name);
  await Deno.mkdir(folder, { recursive: true });
  const own = runs.map((hash) => specs.get(hash)!);
  await writeRunFile(`${folder}/runs.json`, own, { inputs: places, out: folder });
  for (const hash of runs) await copyRun(hash, { from: out, to: folder });
}

/**
 * Plans a grid as tasks in its folder of records, or adds what of it is not planned yet: what was planned before stays,
 * whatever became of it.
 */
export async function planSweep(specs: readonly RunSpec[], planned: PlanSweepOptions): Promise<KeptSweep> {
  const { out, inputs, places, options, command } = planned;
  await Deno.mkdir(sweepFolder(out), { recursive: true });
  using _lock = await lockFolder(sweepFolder(out), { within: [] });
  const known = await readSweep(out);
  const hashes = await Promise.all(specs.map(hashSpec));
  const asked = new Map(hashes.map((hash, i) => [hash, specs[i]]));
  const open = await openHashes(asked, out, known);
  const { cells = shareOut(specs.map(({ model }) => model), { isSoftware: false, name: "" }).cells } = planned;
  const groups = await planTasks(asked, { inputs, open, cells, runs: planned.runs ?? cells });
  const first = known?.tasks.length ?? 0;
  const fresh = groups.map((runs, i): SweepTask => ({ name: String(first + i).padStart(5, "0"), runs }));
  const all = new Map([...known?.specs ?? [], ...asked]);
  for (const task of fresh) await writeTask(task, { out, places, specs: all });
  const sweep: KeptSweep = {
    out,
    options: { launcher: "local", ...known?.options, ...options },
    cwd: Deno.cwd(),
    command: [...command(cells)],
    tasks: [...known?.tasks ?? [], ...fresh],
    specs: all,
  };
  await writeSweep(sweep); // the last, so that a plan that was begun and not finished is none
  return sweep;
}
