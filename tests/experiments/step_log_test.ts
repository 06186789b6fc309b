import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { StepLog } from "../../experiments/runner/train/step_log.ts";
import { withFolder } from "../experiment/samples.ts";

const line = (step: number) => ({ step, loss: 1, learningRate: 0.1, gradNorm: 2, tokens: 3 });
const stepsOf = (path: string) =>
  Deno.readTextFileSync(path).split("\n").filter((text) => text !== "").map((text) => JSON.parse(text).step);

describe("a log of steps", () => {
  it("goes on from a step, and drops the lines that are repeated", async () => {
    await withFolder(async (folder) => {
      const path = `${folder}/log.jsonl`;
      const log = await StepLog.open(path, { from: 0 });
      for (const step of [0, 1, 2, 3]) log.add(line(step));
      (await StepLog.open(path, { from: 2 })).add(line(2));
      expect(stepsOf(path)).toEqual([0, 1, 2]);
    });
  });

  it("begins where a run goes on if it is not there yet, and goes on from there again", async () => {
    await withFolder(async (folder) => {
      const path = `${folder}/late.jsonl`;
      const log = await StepLog.open(path, { from: 5 });
      for (const step of [5, 6, 7]) log.add(line(step));
      (await StepLog.open(path, { from: 7 })).add(line(7));
      expect(stepsOf(path)).toEqual([5, 6, 7]);
      (await StepLog.open(path, { from: 3 })).add(line(3));
      expect(stepsOf(path)).toEqual([3]);
    });
  });

  it("is refused where a line before that step is missing or broken", async () => {
    await withFolder(async (folder) => {
      const path = `${folder}/log.jsonl`;
      const texts = [line(0), line(1), line(3)].map((one) => JSON.stringify(one)).join("\n");
      await Deno.writeTextFile(path, texts);
      await expect(StepLog.open(path, { from: 3 })).rejects.toThrow(
        `cannot resume the log ${path}: its line 3 is not of step 2`,
      );
      await expect(StepLog.open(path, { from: 9 })).rejects.toThrow("its line 3 is not of step 2");
      await Deno.writeTextFile(path, '{"step": 0}\n');
      await expect(StepLog.open(path, { from: 2 })).rejects.toThrow("its line 2 is not of step 1");
      await Deno.writeTextFile(path, "no log\n");
      await expect(StepLog.open(path, { from: 2 })).rejects.toThrow("its line 1 is not of a step");
    });
  });
});
