import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { filesUnder, withFolder } from "../experiment/samples.ts";
import { valuesOf } from "./records.ts";
import { disturbed, ownerOf, runTask } from "./run_task.ts";

const RUNS = 8;
const ARGS = "glue --tasks cola,rte --methods lora,delta-lora --seeds 2 --steps 8".split(" ");

/** Numbers in [0, 1) that are the same for the same seed (Park and Miller's generator). */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed;; state = state * 48271 % 2147483647) yield state / 2147483647;
}

const recordsIn = (out: string) => filesUnder(`${out}/runs`).filter((name) => name.endsWith(".arrow")).length;

describe("a reproduce that is killed at any moment", () => {
  it("ends with the values of one left alone, and kills cost only what was under way", async () => {
    await withFolder(async (folder) => {
      const [alone, out] = [`${folder}/alone`, `${folder}/killed`];
      expect((await runTask("reproduce", [...ARGS, "--out", alone, "--parquet"])).code).toBe(0);
      expect(filesUnder(alone)).toEqual(expect.arrayContaining(["curves.parquet", "runs.parquet"]));
      const random = numbers(2309);
      for (const run of [2, 4, 7]) {
        // The first line about that run, and then a moment that may be in a step, a score, or a file that is written.
        const isMoment = (line: string) => Number(line.match(/^\[(\d+)\//)?.[1] ?? 0) >= run;
        const { code } = await disturbed([...ARGS, "--out", out], isMoment, async () => {
          await new Promise((done) => setTimeout(done, 700 * random.next().value));
          Deno.kill(ownerOf(out), "SIGKILL");
        });
        expect(code).not.toBe(0);
        expect(recordsIn(out)).toBeGreaterThanOrEqual(run - 1);
        expect(recordsIn(out)).toBeLessThan(RUNS);
      }
      const { code, stdout } = await runTask("reproduce", [...ARGS, "--out", out]);
      expect(code).toBe(0);
      expect(stdout).toMatch(/; [67] of them recorded/);
      expect(recordsIn(out)).toBe(RUNS);
      expect(await valuesOf(out)).toEqual(await valuesOf(alone));
    });
  });
});
