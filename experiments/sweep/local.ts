import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import process from "node:process";
import { coreShare } from "../runner/core_share.ts";
import { isFile } from "../../lib/io/is_file.ts";
import { onInterrupt } from "../terminal/interrupt.ts";
import type { Launcher, LiveState, SubmitOptions } from "./launcher.ts";
import type { Submission } from "./submissions.ts";
import { type KeptSweep, TASK, taskFolder } from "./sweep_file.ts";

/** The process that a folder of records is owned by, where one is. */
function ownerOf(folder: string): number | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(`${folder}/.lock`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const pid = Number(text.match(/^process (\d+)/)?.[1]);
  try {
    process.kill(pid, 0); // which only asks whether there is such a process
    return pid;
  } catch {
    return undefined; // it was killed, or has not written its number yet
  }
}

/** Runs one task to its end; what it says goes into its log. */
async function runTask(task: string, { out, command, cwd, options }: KeptSweep, signal: AbortSignal): Promise<void> {
  const folder = taskFolder(out, task);
  const [program, ...args] = command.map((word) => word.replaceAll(TASK, folder));
  const log = openSync(`${folder}/log.txt`, "a");
  try {
    const atOnce = options.arrayLimit ?? 1;
    const child = spawn(program, args, {
      cwd,
      env: atOnce > 1 ? coreShare(atOnce) : Deno.env.toObject(),
      stdio: ["ignore", log, log],
    });
    const stop = () => child.kill("SIGTERM");
    signal.addEventListener("abort", stop);
    await once(child, "exit");
    signal.removeEventListener("abort", stop);
  } finally {
    closeSync(log);
  }
}

/** Runs the tasks of a submission here, as many at once as its options say, one after the other by default. */
async function submit({ path, tasks }: Submission, { sweep }: SubmitOptions): Promise<string> {
  using interrupt = onInterrupt("what is recorded stays, and the same command goes on from there");
  const { signal } = interrupt;
  const queue = tasks.values();
  const work = async () => {
    for (const task of queue) {
      if (signal.aborted || await isFile(`${path}.cancelled`)) return;
      await runTask(task, sweep, signal);
    }
  };
  await Promise.all(Array.from({ length: sweep.options.arrayLimit ?? 1 }, work));
  signal.throwIfAborted();
  return `process ${Deno.pid}`;
}

/** Processes of a sweep's tasks, by task. */
function owners({ out, tasks }: KeptSweep): Map<string, number> {
  return new Map(tasks.flatMap(({ name }): [string, number][] => {
    const pid = ownerOf(taskFolder(out, name));
    return pid === undefined ? [] : [[name, pid]];
  }));
}

/** Runs tasks in processes on this machine, and waits for them. */
export const local: Launcher = {
  plan: () => Promise.resolve([]),
  queue: {
    most: () => Promise.resolve(Number.MAX_SAFE_INTEGER),
    submit,
    find: () => Promise.resolve(undefined), // what ran with its submitter is not waiting anywhere
    live: (sweep) =>
      Promise.resolve(new Map(owners(sweep).keys().map((name): [string, LiveState] => [name, "running"]))),
    cancel(sweep) {
      for (const pid of owners(sweep).values()) {
        try {
          Deno.kill(pid, "SIGTERM");
        } catch (error) {
          // It has ended in between.
          if (!(error instanceof Deno.errors.NotFound)) throw error;
        }
      }
      return Promise.resolve();
    },
  },
};
