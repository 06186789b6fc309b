// The launcher slurm, on a Slurm of one node that is started here; left out, and said so, where it is not installed.
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { filesUnder } from "../experiment/samples.ts";
import { testFolder } from "../support/folder.ts";
import { type Slurm, slurmLacks, startSlurm, until } from "../support/slurm.ts";
import { rowsOf, valuesOf } from "./records.ts";
import { runTask, startTask } from "./run_task.ts";

const RUNS = 24;
const TASKS = 8;

const GRID = `version: 1
run:
  task: rte
  steps: 40
  model: { length: 32 }
axes:
  method.name: [lora, delta-lora]
  optimizer.learningRate: [1.0e-3, 3.0e-3, 5.0e-3]
seeds: { count: 4 }
`;

const lacks = slurmLacks();
const name = `deno task sweep with Slurm${lacks === undefined ? "" : ` (left out ${lacks})`}`;

/** A file's text; nothing where it is not there yet. */
async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Whether states of runs lie in a folder. */
function hasState(states: string): boolean {
  try {
    return filesUnder(states).some((path) => path.endsWith("state.json"));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false; // not yet, or not any more
    throw error;
  }
}

/** Kills a process with all that it started, where it has not ended yet. */
function killGroup(pid: number): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

describe(name, { ignore: lacks !== undefined }, () => {
  const folder = testFolder();
  const [file, out, alone] = ["grid.yaml", "on slurm", "alone"].map((one) => `${folder}/${one}`);
  const logOf = (task: string) => `${out}/sweep/tasks/${task}/log.txt`;
  let slurm: Slurm;
  let killed: Promise<unknown>;

  const sweep = (action: string, ...args: string[]) =>
    runTask("sweep", [action, file, "--out", out, ...args], { env: slurm.env });

  /** Ends all processes of a task at once: the script, and what it started. */
  async function killTask(task: string): Promise<void> {
    const words = `${out}/sweep/tasks/${task}/runs.json`;
    const { stdout } = await new Deno.Command("pgrep", { args: ["-f", words] }).output();
    const found = new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "").map(Number);
    const { stdout: parents } = await new Deno.Command("ps", { args: ["-o", "ppid=", "-p", found.join(",")] }).output();
    const all = new Set([...new TextDecoder().decode(parents).split("\n").map(Number).filter((pid) => pid > 1)]);
    for (const pid of [...found, ...all].filter((pid) => pid !== Deno.pid)) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error; // another one's end took it along
      }
    }
  }

  /** Waits until a task trains, and a state of it is there. */
  const trains = (task: string) =>
    until(() => Promise.resolve(hasState(`${out}/sweep/tasks/${task}/states`)), `${task} trains`, 300);

  /** Waits until no task is under way. */
  const ended = () => until(async () => (await slurm.call("squeue", "--noheader")) === "", "the queue is empty", 300);

  beforeAll(async () => {
    await Deno.writeTextFile(file, GRID);
    slurm = await startSlurm(`${folder}/slurm`, { cpus: 2, maxArraySize: 4 });
  });
  afterAll(async () => await slurm?.[Symbol.asyncDispose]());

  it("writes a script that asks the site for what flags say", async () => {
    const flags = ["--launcher", "slurm", "--runs", "3", "--cells", "3", "--save-every", "4", "--requeue"];
    const site = ["--time", "10:00", "--partition", "small", "--preamble", "export LP_NUM_THREADS=1"];
    const { code, stdout } = await sweep("plan", ...flags, ...site);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`${RUNS} runs in ${TASKS} tasks`)]);
    const script = await Deno.readTextFile(`${out}/sweep/slurm/job.sh`);
    for (const line of ["time=10:00", "partition=small", "requeue", "signal=B:USR1@120"]) {
      expect(script).toContain(`#SBATCH --${line}\n`);
    }
    expect(script).toContain("\nexport LP_NUM_THREADS=1\n");
  });

  it("submits what a submitter that was killed did not, and nothing of it twice", async () => {
    const { process, result } = startTask("sweep", ["submit", out], { env: slurm.env, isGroup: true });
    await until(async () => await textOf(`${out}/sweep/submissions/0001.intent`) !== "", "it means to submit", 60);
    killGroup(process.pid);
    await result;
    const { code, stdout } = await runTask("sweep", ["submit", out], { env: slurm.env });
    // The kill came before the first array, between the two, after both, or after the submitter itself.
    expect([code, stdout]).toEqual([0, expect.stringMatching(/4 tasks submitted as \d+|nothing is left to submit/)]);
    // At most four are in an array here.
    const queue = await slurm.call("squeue", "--noheader", "--array", "--states=all", "--format=%F_%K");
    expect(queue.split("\n")).toHaveLength(TASKS);
  });

  it("tells a task of its limit, which then goes on in another attempt", async () => {
    killed = Promise.all(["00002", "00003"].map((task) => trains(task).then(() => killTask(task))));
    await trains("00000");
    const jobs = await slurm.call("squeue", "--noheader", "--array", "--states=RUNNING", "--format=%F_%K");
    const [first] = jobs.split("\n").filter((job) => job.endsWith("_0"));
    await slurm.call("scancel", "--batch", "--signal=USR1", first); // as Slurm does before the limit
    await until(async () => /interrupted by SIGTERM/.test(await textOf(logOf("00000"))), "its state is saved");
    expect((await runTask("sweep", ["status", out], { env: slurm.env })).stdout).toMatch(/00000 (waiting|running)/);
  });

  it("says of tasks that were killed that they failed, and submits them again", async () => {
    await killed;
    await ended();
    expect(await textOf(logOf("00000"))).toMatch(/attempt 1$[^]*attempt 2$/m);
    const { stdout } = await runTask("sweep", ["status", out], { env: slurm.env });
    expect(stdout).toContain(`${TASKS} tasks: 6 finished, 2 failed`);
    expect(stdout).toMatch(/ {2}00002 failed {4}\d of 3 runs: \S/);
    const again = await runTask("sweep", ["submit", out], { env: slurm.env });
    expect(again.stdout).toContain("2 tasks submitted as");
    await ended();
  });

  it("has the values of one grid, to the bit", async () => {
    expect((await sweep("collect")).stdout).toContain(`${RUNS} of ${RUNS} runs collected`);
    const args = [file, "--out", alone, "--launcher", "local", "--array-limit", "2", "--runs", "12"];
    expect((await runTask("sweep", ["submit", ...args])).stdout).toContain(`${RUNS} of ${RUNS} runs recorded`);
    expect((await runTask("sweep", ["collect", alone])).code).toBe(0);
    expect(await rowsOf(`${out}/runs.arrow`)).toHaveLength(RUNS);
    expect(await valuesOf(out)).toEqual(await valuesOf(alone));
  });

  it("cancels what waits and what runs", async () => {
    const more = ["--set", "seeds.count=5", "--launcher", "slurm", "--array-limit", "1", "--runs", "1"];
    expect((await sweep("submit", ...more)).stdout).toContain("4 tasks submitted as");
    const { stdout } = await sweep("cancel");
    expect(stdout).toMatch(/\d cancelled/);
    await ended();
  });
});
