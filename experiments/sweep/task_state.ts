import { findRecord, type RunRecord } from "../../lib/experiment/records/mod.ts";
import type { Launcher } from "./launcher.ts";
import { readSubmissions } from "./submissions.ts";
import { type KeptSweep, type SweepTask, taskFolder } from "./sweep_file.ts";

/** Where a task is: all of its runs are recorded, it is under way, it ended without them, or it was never submitted. */
export type TaskState = "finished" | "running" | "waiting" | "failed" | "cancelled" | "planned";

/** A task, and where it is. */
export interface TaskStatus {
  readonly task: string;
  readonly state: TaskState;
  /** Runs that are recorded, of all. */
  readonly recorded: number;
  readonly runs: number;
  /** The last line that it said, where it failed. */
  readonly lastLine?: string;
}

/** The record of a run: a finished one where it was collected or where its task has it, else a failed one. */
export async function recordOf(sweep: KeptSweep, { name }: SweepTask, hash: string): Promise<RunRecord | undefined> {
  const spec = sweep.specs.get(hash)!;
  let failed: RunRecord | undefined;
  for (const folder of [sweep.out, taskFolder(sweep.out, name)]) {
    const found = await findRecord(folder, spec);
    if (found.kind === "finished") return found.record;
    if (found.kind === "failed") failed = found.record;
  }
  return failed;
}

/** How many runs of a task are recorded as finished. */
async function countRecorded(sweep: KeptSweep, task: SweepTask): Promise<number> {
  const records = await Promise.all(task.runs.map((hash) => recordOf(sweep, task, hash)));
  return records.filter((record) => record?.status === "finished").length;
}

/** Most bytes of a log's end that are looked through for its last line. */
const LOG_END = 4096;

/** The last line that a task's processes said, of all its attempts. */
export async function lastLineOf(folder: string): Promise<string | undefined> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(`${folder}/log.txt`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  using log = file;
  const { size } = await log.stat();
  await log.seek(Math.max(0, size - LOG_END), Deno.SeekMode.Start);
  const text = await new Response(log.readable).text();
  return text.split(/[\r\n]+/).map((line) => line.trim()).findLast((line) => line !== "");
}

/** Where every task of a sweep is. */
export async function taskStates(sweep: KeptSweep, { queue }: Launcher): Promise<TaskStatus[]> {
  const submissions = await readSubmissions(sweep.out);
  const live = await queue?.live(sweep, submissions) ?? new Map();
  return await Promise.all(sweep.tasks.map(async (task): Promise<TaskStatus> => {
    const [runs, recorded] = [task.runs.length, await countRecorded(sweep, task)];
    const told = { task: task.name, recorded, runs };
    if (recorded === runs) return { ...told, state: "finished" };
    const state = live.get(task.name);
    if (state !== undefined) return { ...told, state };
    const last = submissions.findLast(({ tasks, ended }) => tasks.includes(task.name) && ended !== "lost");
    if (last === undefined) return { ...told, state: "planned" };
    if (last.ended === "cancelled") return { ...told, state: "cancelled" };
    return { ...told, state: "failed", lastLine: await lastLineOf(taskFolder(sweep.out, task.name)) };
  }));
}
