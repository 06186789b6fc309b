import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { filesUnder } from "../experiment/samples.ts";
import { testFolder } from "../support/folder.ts";
import { rowsOf, valuesOf } from "./records.ts";
import { disturbed, ownerOf, runTask, STACK, type TaskResult } from "./run_task.ts";

const RUNS = 4;
const ARGS = ["glue", "--tasks", "cola,rte", "--methods", "delta-lora", "--seeds", "2", "--steps", "40"];

/** Processes that another one started. */
async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = await new Deno.Command("pgrep", { args: ["-P", String(pid)] }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "").map(Number);
}

/** Waits until none of the processes is there, but for what is left of one that nobody waited for. */
async function gone(pids: readonly number[]): Promise<void> {
  for (let i = 0;; i++) {
    const { stdout } = await new Deno.Command("ps", { args: ["-o", "stat=", "-p", pids.join(",")] }).output();
    if (!/^[^Z\s]/m.test(new TextDecoder().decode(stdout))) return;
    if (i === 100) throw new Error(`still there after 10 s: one of ${pids.join(", ")}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

describe("reproduce with two runs at once", () => {
  const folder = testFolder();
  let alone: string;
  beforeAll(async () => {
    alone = `${folder}/alone`;
    expect((await runTask("reproduce", [...ARGS, "--out", alone])).code).toBe(0);
  });

  const atOnce = (out: string) => [...ARGS, "--out", out, "--parallel", "2"];

  /** Runs the command, and does something to its processes as soon as one of two runs tells of its progress. */
  async function cut(
    out: string,
    disturb: (processes: { readonly owner: number; readonly children: readonly number[] }) => void,
  ): Promise<TaskResult & { readonly children: readonly number[] }> {
    let children: readonly number[] = [];
    const result = await disturbed(atOnce(out), (line) => /\d+\/40 {2}loss/.test(line), async () => {
      const owner = ownerOf(out);
      children = await childrenOf(owner);
      disturb({ owner, children });
    });
    return { ...result, children };
  }

  /** Calls the command once more, and expects the values of one left alone. */
  async function goesOn(out: string): Promise<void> {
    expect(filesUnder(`${out}/runs`).filter((name) => name.endsWith(".arrow")).length).toBeLessThan(RUNS);
    expect((await runTask("reproduce", atOnce(out))).code).toBe(0);
    expect(await valuesOf(out)).toEqual(await valuesOf(alone));
  }

  it("ends with the values of one after the other, and its records say so", async () => {
    const out = `${folder}/parallel`;
    const { code, stdout, stderr } = await runTask("reproduce", atOnce(out));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^time: up to .+, 2 programs of up to 16 runs at once$/m);
    expect(stdout).toContain("Times are of runs on a shared machine, up to 4 of them at once.");
    expect(stderr).toContain(`[${RUNS}/${RUNS}] rte delta-lora seed 1: accuracy`);
    expect(await valuesOf(out)).toEqual(await valuesOf(alone));
    const counts = async (of: string) => (await rowsOf(`${of}/runs.arrow`)).map(({ parallel }) => parallel);
    expect(await counts(out)).toEqual(Array(RUNS).fill(2));
    expect(await counts(alone)).toEqual(Array(RUNS).fill(1));
  });

  it("leaves no process behind when it is killed, and goes on", async () => {
    const out = `${folder}/killed`;
    const { code, children } = await cut(out, ({ owner }) => Deno.kill(owner, "SIGKILL"));
    expect(code).not.toBe(0);
    expect(children).toHaveLength(2);
    await gone(children);
    await goesOn(out);
  });

  it("stops all at Ctrl-C, which a terminal sends to each, and goes on", async () => {
    const out = `${folder}/interrupted`;
    const { code, stderr, children } = await cut(out, ({ owner, children }) => {
      for (const pid of [...children, owner]) Deno.kill(pid, "SIGINT");
    });
    expect(code).toBe(130);
    expect(stderr).toContain(`reproduce: interrupted: the same command goes on from here (${out})`);
    expect(stderr).not.toMatch(STACK);
    await gone(children);
    await goesOn(out);
  });

  it("says which run was lost with its process, and goes on", async () => {
    const out = `${folder}/lost`;
    const { code, stderr } = await cut(out, ({ children }) => Deno.kill(children[0], "SIGKILL"));
    expect(code).toBe(1);
    expect(stderr).toMatch(/the process that trained cola delta-lora seed 0 and 1 other run ended by itself: SIGKILL/);
    await goesOn(out);
  });
});
