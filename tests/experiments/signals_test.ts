import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { SUITE_ENCODER } from "../../experiments/suite/encoder.ts";
import { filesUnder } from "../experiment/samples.ts";
import { testFolder } from "../support/folder.ts";
import { valuesOf } from "./records.ts";
import { runTask, STACK, startTask, type TaskResult } from "./run_task.ts";

/** What ends processes, with the exit code that tells of it. */
const SIGNALS = [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const;

type Ending = (typeof SIGNALS)[number][0];

const shownAs = (signal: Ending) => signal === "SIGINT" ? "interrupted" : `interrupted by ${signal}`;

/** Runs a task, and sends a signal to all of its processes at the first line on standard error that is the moment for it. */
async function cut(
  name: string,
  args: readonly string[],
  { signal, isMoment }: { readonly signal: Ending; readonly isMoment: RegExp },
): Promise<TaskResult> {
  let isCut = false;
  const { process, result } = startTask(name, args, {
    isGroup: true,
    onLine(line) {
      if (isCut || !isMoment.test(line)) return;
      isCut = true;
      Deno.kill(-process.pid, signal);
    },
  });
  const ended = await result;
  expect(isCut).toBe(true);
  return ended;
}

describe("a signal to all processes of a command", () => {
  const folder = testFolder();

  const training = (out: string) => [
    ...["--model", "suite", "--task", "rte", "--data", "suite", "--method", "lora", "--steps", "60"],
    ...["--out", `${folder}/${out}`],
  ];

  it("has train save its state and say how to go on, with the exit code of that signal", async () => {
    expect((await runTask("train", training("whole"))).code).toBe(0);
    for (const [signal, exitCode] of SIGNALS.slice(1)) {
      const out = `${folder}/${signal}`;
      const { code, stderr } = await cut("train", training(signal), { signal, isMoment: /15\/60 {2}loss/ });
      expect([signal, code]).toEqual([signal, exitCode]);
      expect(stderr).toContain(`train: ${shownAs(signal)}: the same command with --resume goes on from here (${out})`);
      expect(stderr).not.toMatch(STACK);
      const { step } = JSON.parse(await Deno.readTextFile(`${out}/state.json`));
      expect(step).toBeGreaterThanOrEqual(15);
      expect(step).toBeLessThan(60);
      expect((await runTask("train", [...training(signal), "--resume"])).code).toBe(0);
      for (const name of ["state.safetensors", "adapter_model.safetensors"]) {
        expect(Deno.readFileSync(`${out}/${name}`)).toEqual(Deno.readFileSync(`${folder}/whole/${name}`));
      }
    }
  });

  it("ends reproduce with its records whole, in one process and in several, and it goes on", async () => {
    const args = ["glue", "--tasks", "cola", "--methods", "lora", "--seeds", "3", "--steps", "60"];
    const values = async (name: string) => await valuesOf(`${folder}/${name}`);
    expect((await runTask("reproduce", [...args, "--out", `${folder}/alone`])).code).toBe(0);
    for (const [parallel, [signal, exitCode]] of [["1", SIGNALS[2]], ["2", SIGNALS[1]]] as const) {
      const out = [...args, "--out", `${folder}/${signal}s`, "--parallel", parallel];
      const { code, stderr } = await cut("reproduce", out, { signal, isMoment: /15\/60 {2}loss/ });
      expect([signal, code]).toEqual([signal, exitCode]);
      expect(stderr).toContain(`reproduce: ${shownAs(signal)}: the same command goes on from here`);
      expect(stderr).not.toMatch(STACK);
      expect(filesUnder(`${folder}/${signal}s`).filter((file) => /\.tmp$|report/.test(file))).toEqual([]);
      expect((await runTask("reproduce", out)).code).toBe(0);
      expect(await values(`${signal}s`)).toEqual(await values("alone"));
    }
  });

  it("has pretrain save its state and say how to go on", async () => {
    const pretraining = (out: string) => ["--steps", "40", "--seed", "5", "--out", `${folder}/${out}`];
    expect((await runTask("pretrain", pretraining("pretrained"))).code).toBe(0);
    const [signal, exitCode] = SIGNALS[0];
    const own = pretraining("cut");
    const { code, stderr } = await cut("pretrain", own, { signal, isMoment: /10\/40 {2}loss/ });
    expect(code).toBe(exitCode);
    expect(stderr).toContain(`pretrain: interrupted: the same command goes on from here (${folder}/cut.state)`);
    expect(stderr).not.toMatch(STACK);
    const again = await runTask("pretrain", own);
    expect(again.stderr).toMatch(/^resumed: \d\d of 40 steps are done/m);
    expect(Deno.readFileSync(`${folder}/cut`)).toEqual(Deno.readFileSync(`${folder}/pretrained`));
  });

  it("ends what has nothing to save at once, and says so", async () => {
    for (const [signal, exitCode] of SIGNALS) {
      const out = `${folder}/encoder-${signal}`;
      await Deno.copyFile(SUITE_ENCODER, out);
      const { code, stderr } = await cut("pretrain", ["--teach", "--out", out], {
        signal,
        isMoment: /teachers answer/,
      });
      expect([signal, code]).toEqual([signal, exitCode]);
      expect(stderr).toContain(`pretrain: ${shownAs(signal)}`);
      expect(stderr).not.toMatch(STACK);
    }
    expect(filesUnder(folder).filter((name) => name.startsWith("encoder"))).toEqual(
      SIGNALS.map(([signal]) => `encoder-${signal}`).toSorted(),
    );
  });
});
