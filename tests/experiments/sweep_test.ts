import process from "node:process";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { copyRun } from "../../experiments/sweep/collect_sweep.ts";
import { filesUnder } from "../experiment/samples.ts";
import { testFolder } from "../support/folder.ts";
import { rowsOf, valuesOf } from "./records.ts";
import { ownerOf, runTask, startTask, type TaskResult } from "./run_task.ts";

const GRID = `version: 1
run:
  task: rte
  steps: 12
  model: { length: 32 }
axes:
  method.name: [lora, delta-lora]
seeds: { count: 4 }
`;

/** Calls something until it gives a value, for a minute at most. */
async function soon<T>(ask: () => T | undefined): Promise<T> {
  for (let i = 0; i < 1200; i++) {
    const value = ask();
    if (value !== undefined) return value;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error("it did not come within a minute");
}

/** The process that owns a folder; `undefined` where none does. */
function maybeOwnerOf(out: string): number | undefined {
  try {
    const pid = ownerOf(out);
    process.kill(pid, 0); // which only asks whether there is such a process
    return pid;
  } catch {
    return undefined; // there is no lock, no number in it yet, or it was killed
  }
}

describe("copyRun()", () => {
  const folder = testFolder();

  it("takes along all that a run left, texts and weights beside its record, and nothing of others", async () => {
    const from = `${folder}/task`;
    const own = ["predictions/a.jsonl", "runs/a.arrow", "trained/a.safetensors"];
    for (const path of [...own, "runs/b.arrow", "predictions/b.jsonl"]) {
      await Deno.mkdir(`${from}/${path.split("/")[0]}`, { recursive: true });
      await Deno.writeTextFile(`${from}/${path}`, path);
    }
    await copyRun("a", { from, to: `${folder}/out` });
    expect(filesUnder(`${folder}/out`)).toEqual(own);
    expect(await Deno.readTextFile(`${folder}/out/${own[0]}`)).toBe(own[0]);
  });
});

describe("deno task sweep", () => {
  const folder = testFolder();
  const out = `${folder}/sweep`;
  const task = (name: string) => `${out}/sweep/tasks/${name}`;
  let file: string;
  let alone: string;
  const sweep = (action: string, ...args: string[]) => runTask("sweep", [action, file, "--out", out, ...args]);

  beforeAll(async () => {
    [file, alone] = [`${folder}/grid.yaml`, `${folder}/alone`];
    await Deno.writeTextFile(file, GRID);
    expect((await runTask("run", [file, "--out", alone, "--parallel", "1"])).code).toBe(0);
  });

  it("says what is wrong with its words", async () => {
    const saying = async (...args: string[]) => (await runTask("sweep", args)).stderr;
    expect(await saying()).toContain("what is to be done is missing: deno task sweep plan FILE");
    expect(await saying("plam", file)).toContain('unknown action "plam": did you mean "plan"?');
    expect(await saying("status")).toContain("comes second: deno task sweep status FILE");
    expect(await saying("status", file, "--out", out)).toContain(`no sweep is planned in ${out}`);
  });

  it("shares runs out to tasks, each with a file of its runs", async () => {
    const { code, stdout } = await sweep("plan", "--runs", "3");
    expect([code, stdout]).toEqual([0, expect.stringContaining(`planned in ${out}: 8 runs in 3 tasks`)]);
    expect(filesUnder(`${out}/sweep`).filter((name) => name.endsWith("runs.json"))).toHaveLength(3);
    const again = await sweep("plan", "--runs", "3");
    expect(again.stdout).toEqual(stdout);
    expect((await sweep("status")).stdout).toBe("0 of 8 runs recorded; 3 tasks: 3 not submitted\n");
  });

  it("says of a task that was killed that it failed, with the last line of its log", async () => {
    const { result } = startTask("sweep", ["submit", file, "--out", out]);
    Deno.kill(await soon(() => maybeOwnerOf(task("00000"))), "SIGKILL");
    const { code, stdout } = await result;
    const last = (await Deno.readTextFile(`${task("00000")}/log.txt`)).trim().split(/[\r\n]+/).at(-1)!.trim();
    expect([code, stdout]).toEqual([0, expect.stringContaining(`  00000 failed    0 of 3 runs: ${last}`)]);
    expect(stdout).toContain("3 tasks: 2 finished, 1 failed");
  });

  it("collects what there is, and says what is not", async () => {
    const { code, stdout } = await sweep("collect");
    expect([code, stdout]).toEqual([1, expect.stringContaining("5 of 8 runs collected, 3 not recorded")]);
    expect(await rowsOf(`${out}/runs.arrow`)).toHaveLength(5);
  });

  /** Kills a submitter as soon as a task runs, which goes on without it. */
  async function orphaned(): Promise<TaskResult> {
    const { result } = startTask("sweep", ["submit", file, "--out", out]);
    await soon(() => maybeOwnerOf(task("00000")));
    Deno.kill(ownerOf(`${out}/sweep`), "SIGKILL");
    return await result;
  }

  it("loses nothing and runs nothing twice when its submitter dies, and ends with the values of one grid", async () => {
    const { code } = await orphaned();
    expect(code).not.toBe(0);
    const state = await sweep("status");
    expect(state.stdout).toMatch(/ {2}00000 running|8 of 8 runs recorded/);
    const second = await sweep("submit");
    expect(second.stdout).toMatch(/the submitter of sweep-\w+-0002 died: it never came to the queue/);
    expect(second.stdout).toContain("nothing is left to submit");
    await soon(() => maybeOwnerOf(task("00000")) === undefined ? true : undefined);
    expect((await sweep("collect", "--parquet")).stdout).toContain("8 of 8 runs collected; written: ");
    expect(await valuesOf(out)).toEqual(await valuesOf(alone));
    expect(filesUnder(out)).toContain("runs.parquet");
    const after = await runTask("run", [file, "--out", out]);
    expect([after.code, after.stdout]).toEqual([0, expect.stringContaining("nothing is left to run")]);
  });

  it("adds what a file has more, and trains it alone; a folder stands for the file", async () => {
    const { stdout } = await runTask("sweep", ["plan", file, "--out", out, "--set", "seeds.count=5"]);
    expect(stdout).toContain("10 runs in 4 tasks");
    expect((await runTask("sweep", ["submit", out])).stdout).toContain("10 of 10 runs recorded; 4 tasks: 4 finished");
    const { stdout: document } = await runTask("sweep", ["collect", out, "--json"]);
    expect(JSON.parse(document)).toMatchObject({ failed: 0, missing: 0, runs: Array(10).fill(expect.anything()) });
  });
});
