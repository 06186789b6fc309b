import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { filesUnder } from "../experiment/samples.ts";
import { testFolder } from "../support/folder.ts";
import { valuesOf } from "./records.ts";
import { disturbed, ownerOf, runTask } from "./run_task.ts";

const RUNS = 8;
const ARGS = "glue --tasks cola,rte --methods lora,delta-lora --seeds 2 --steps 8".split(" ");
const ALONE = ["--cells", "1", "--parallel", "1"];

/** Numbers in [0, 1) that are the same for the same seed (Park and Miller's generator). */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed;; state = state * 48271 % 2147483647) yield state / 2147483647;
}

const recordsIn = (out: string) => filesUnder(`${out}/runs`).filter((name) => name.endsWith(".arrow")).length;

describe("a reproduce that is killed at any moment", () => {
  const folder = testFolder();
  const random = numbers(2309);
  let alone: string;
  beforeAll(async () => {
    alone = `${folder}/alone`;
    expect((await runTask("reproduce", [...ARGS, ...ALONE, "--out", alone, "--parquet"])).code).toBe(0);
    expect(filesUnder(alone)).toEqual(expect.arrayContaining(["curves.parquet", "runs.parquet"]));
  });

  /** Kills the command some moment after a line: in a step, a score, or a file that is written. */
  async function kill(args: readonly string[], out: string, isMoment: (line: string) => boolean): Promise<void> {
    const { code } = await disturbed([...args, "--out", out], isMoment, async () => {
      await new Promise((done) => setTimeout(done, 700 * random.next().value));
      Deno.kill(ownerOf(out), "SIGKILL");
    });
    expect(code).not.toBe(0);
  }

  async function goesOn(args: readonly string[], out: string): Promise<string> {
    const { code, stdout } = await runTask("reproduce", [...args, "--out", out]);
    expect(code).toBe(0);
    expect(recordsIn(out)).toBe(RUNS);
    expect(await valuesOf(out)).toEqual(await valuesOf(alone));
    return stdout;
  }

  it("ends with the values of one left alone, and kills cost only what was under way", async () => {
    const out = `${folder}/killed`;
    const args = [...ARGS, ...ALONE];
    for (const run of [2, 4, 7]) {
      // The first line about that run.
      await kill(args, out, (line) => Number(line.match(/^\[(\d+)\//)?.[1] ?? 0) >= run);
      expect(recordsIn(out)).toBeGreaterThanOrEqual(run - 1);
      expect(recordsIn(out)).toBeLessThan(RUNS);
    }
    expect(await goesOn(args, out)).toMatch(/; [67] of them recorded/);
  });

  it("does so with runs of one program in several processes", async () => {
    const out = `${folder}/together`;
    const args = [...ARGS, "--parallel", "2"];
    let [recorded, line] = [0, /^\[\d+\//];
    for (const _ of [1, 2]) {
      await kill(args, out, (text) => line.test(text));
      expect(recordsIn(out)).toBeGreaterThanOrEqual(recorded);
      recorded = recordsIn(out);
      line = /^\[\d+\/8\] .*: (accuracy|Matthews)/; // later: a run is recorded
    }
    const stdout = await goesOn(args, out);
    if (recorded < RUNS) expect(stdout).toContain(`; ${recorded} of them recorded`);
  });
});
