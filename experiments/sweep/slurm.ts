import { writeAtomically } from "../../lib/io/mod.ts";
import type { Launcher, LiveState, SubmitOptions } from "./launcher.ts";
import type { Submission } from "./submissions.ts";
import { type KeptSweep, sweepFolder } from "./sweep_file.ts";
import { taskLines } from "./task_script.ts";

/** Seconds before the limit at which a task is told, by default: time for its state to reach a shared disk. */
const GRACE = 120;

/** Calls one of Slurm's commands. Throws an Error with what it says where it fails. */
async function call(name: string, ...args: string[]): Promise<string> {
  const text = new TextDecoder();
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(name, { args, stdin: "null" }).output();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new Error(`cannot reach Slurm as there is no ${name} here`);
    throw error;
  }
  const { code, stdout, stderr } = output;
  if (code !== 0) throw new Error(`${name} failed: ${text.decode(stderr).trim()}`);
  return text.decode(stdout).trim();
}

const scriptOf = (out: string) => `${sweepFolder(out)}/slurm/job.sh`;

/** The script of all of a sweep's job arrays. */
export function slurmScript({ out, options, cwd, command }: KeptSweep): string {
  const { time, partition, gres, account, preamble = [], requeue = false, grace = GRACE } = options;
  const asked = Object.entries({ time, partition, gres, account }).filter(([, value]) => value !== undefined);
  const sbatch = [
    ...asked.map(([name, value]) => `${name}=${value}`),
    `output="${sweepFolder(out)}/slurm/%A_%a.log"`,
    "open-mode=append",
    requeue ? "requeue" : "no-requeue",
    `signal=B:USR1@${grace}`,
  ];
  const goOn = requeue ? 'scontrol requeue "$SLURM_JOB_ID"' : "true";
  return `#!/usr/bin/env bash
# Runs one task of a sweep: the tasks of a submission are an array. Written by deno task sweep.
${sbatch.map((line) => `#SBATCH --${line}`).join("\n")}

${
    taskLines({
      sweep: sweepFolder(out),
      index: "SLURM_ARRAY_TASK_ID",
      attempt: "job ${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID, attempt $((${SLURM_RESTART_COUNT:-0} + 1))",
      cwd,
      command,
      preamble,
      limit: { signal: "USR1", goOn },
    })
  }`;
}

async function submit({ name, path, tasks }: Submission, { sweep, after }: SubmitOptions): Promise<string> {
  const { arrayLimit } = sweep.options;
  const limit = arrayLimit === undefined ? "" : `%${arrayLimit}`;
  const args = [
    `--array=0-${tasks.length - 1}${limit}`,
    `--job-name=${name}`,
    ...after === undefined ? [] : [`--dependency=afterany:${after}`],
  ];
  const said = await call("sbatch", "--parsable", ...args, scriptOf(sweep.out), path.split("/").at(-1)!);
  return said.split(";")[0]; // behind it comes the cluster's name, where there are several
}

/** What the queue says of jobs by their names: name, number, place in the array and state of each task. */
async function queued(submissions: readonly Submission[]): Promise<string[][]> {
  if (submissions.length === 0) return [];
  const names = submissions.map(({ name }) => name).join(",");
  const said = await call("squeue", "--noheader", "--array", "--states=all", `--name=${names}`, "--format=%j %F %K %T");
  return said.split("\n").filter((line) => line !== "").map((line) => line.split(" "));
}

/** What Slurm's states mean for a task that has not ended; others have. */
const LIVE: Readonly<Record<string, LiveState>> = {
  PENDING: "waiting",
  CONFIGURING: "waiting",
  REQUEUED: "waiting",
  REQUEUE_FED: "waiting",
  REQUEUE_HOLD: "waiting",
  SPECIAL_EXIT: "waiting",
  RUNNING: "running",
  COMPLETING: "running",
  SUSPENDED: "running",
  STOPPED: "running",
  SIGNALING: "running",
  STAGE_OUT: "running",
};

/** Runs tasks as job arrays of Slurm. */
export const slurm: Launcher = {
  async plan(sweep) {
    const path = scriptOf(sweep.out);
    await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
    await writeAtomically(path, slurmScript(sweep));
    return [path];
  },
  queue: {
    async most() {
      const config = await call("scontrol", "show", "config");
      return Number(config.match(/^MaxArraySize\s*=\s*(\d+)/m)?.[1] ?? 1001); // as Slurm has it by default
    },
    submit,
    find: async (submission) => (await queued([submission]))[0]?.[1],
    async live(_, submissions) {
      const tasks = new Map(submissions.map(({ name, tasks }) => [name, tasks]));
      const live = (await queued(submissions)).flatMap(([name, , place, state]): [string, LiveState][] => {
        const task = tasks.get(name)?.[Number(place)];
        return task === undefined || LIVE[state] === undefined ? [] : [[task, LIVE[state]]];
      });
      return new Map(live);
    },
    async cancel(_, submissions) {
      for (const { name } of submissions) await call("scancel", `--name=${name}`);
    },
  },
};
