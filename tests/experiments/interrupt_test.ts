import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { filesUnder } from "../experiment/samples.ts";
import { valuesOf } from "./records.ts";
import { runTask, STACK, startTask, type TaskResult } from "./run_task.ts";

const RUNS = 3;
const ARGS = ["glue", "--tasks", "cola", "--methods", "delta-lora", "--seeds", String(RUNS), "--steps", "60"];

/** Runs the command, and does something to its processes as soon as a run tells of its progress. */
async function disturbed(
  args: readonly string[],
  run: number,
  disturb: (launcher: Deno.ChildProcess) => void,
): Promise<TaskResult> {
  let isDisturbed = false;
  const { process, result } = startTask("reproduce", args, {
    onLine: (line) => {
      if (isDisturbed || !line.startsWith(`[${run}/${RUNS}]`)) return;
      isDisturbed = true;
      disturb(process);
    },
  });
  return await result;
}

const recordsIn = (out: string) => filesUnder(`${out}/runs`).filter((name) => name.endsWith(".arrow"));

/** When each record was written. */
const writtenIn = (out: string) =>
  Object.fromEntries(recordsIn(out).map((name) => [name, Deno.statSync(`${out}/runs/${name}`).mtime!.getTime()]));

describe("an interrupted reproduce", () => {
  let folder: string;
  let alone: string;
  beforeAll(async () => {
    folder = await Deno.makeTempDir({ prefix: "delta-dawn-" });
    alone = `${folder}/alone`;
    const { code } = await runTask("reproduce", [...ARGS, "--out", alone]);
    expect(code).toBe(0);
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("goes on after Ctrl-C and after SIGKILL, repeats nothing, and ends with the values of one left alone", async () => {
    const out = `${folder}/cut`;

    const stopped = await disturbed([...ARGS, "--out", out, "--json"], 2, (launcher) => launcher.kill("SIGINT"));
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toContain(`reproduce: interrupted: the same command goes on from here (${out})`);
    expect(stopped.stderr).not.toMatch(STACK);
    expect(JSON.parse(stopped.stdout).error).toContain("interrupted");
    expect(recordsIn(out)).toHaveLength(1);
    expect(filesUnder(out).filter((name) => /\.tmp$|report/.test(name))).toEqual([]);
    const first = writtenIn(out);

    // The lock names the process that trains.
    const killed = await disturbed([...ARGS, "--out", out], 3, () => {
      Deno.kill(Number(Deno.readTextFileSync(`${out}/.lock`).match(/\d+/)![0]), "SIGKILL");
    });
    expect(killed.code).not.toBe(0);
    expect(recordsIn(out)).toHaveLength(2);
    const second = writtenIn(out);
    expect(second).toMatchObject(first);

    const ended = await runTask("reproduce", [...ARGS, "--out", out]);
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain("2 of them recorded");
    expect(ended.stderr).not.toContain("[2/3]");
    expect(ended.stderr).toContain("[3/3] cola delta-lora seed 2: Matthews");
    expect(writtenIn(out)).toMatchObject(second);
    expect(await valuesOf(out)).toEqual(await valuesOf(alone));
  });
});
