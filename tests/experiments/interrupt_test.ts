import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { filesUnder } from "../experiment/samples.ts";
import { testFolder } from "../support/folder.ts";
import { valuesOf } from "./records.ts";
import { disturbed, ownerOf, runTask, STACK } from "./run_task.ts";

const RUNS = 3;
const ARGS = ["glue", "--tasks", "cola", "--methods", "delta-lora", "--seeds", String(RUNS), "--steps", "60"]
  .concat(["--cells", "1", "--parallel", "1"]);

/** Whether a line tells of a run. */
const isOf = (run: number) => (line: string) => line.startsWith(`[${run}/${RUNS}]`);

const recordsIn = (out: string) => filesUnder(`${out}/runs`).filter((name) => name.endsWith(".arrow"));

/** When each record was written. */
const writtenIn = (out: string) =>
  Object.fromEntries(recordsIn(out).map((name) => [name, Deno.statSync(`${out}/runs/${name}`).mtime!.getTime()]));

describe("an interrupted reproduce", () => {
  const folder = testFolder();
  let alone: string;
  beforeAll(async () => {
    alone = `${folder}/alone`;
    const { code } = await runTask("reproduce", [...ARGS, "--out", alone]);
    expect(code).toBe(0);
  });

  it("goes on after Ctrl-C and after SIGKILL, repeats nothing, and ends with the values of one left alone", async () => {
    const out = `${folder}/cut`;

    const stopped = await disturbed([...ARGS, "--out", out, "--json"], isOf(2), (launcher) => launcher.kill("SIGINT"));
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toContain(`reproduce: interrupted: the same command goes on from here (${out})`);
    expect(stopped.stderr).not.toMatch(STACK);
    expect(JSON.parse(stopped.stdout).error).toContain("interrupted");
    expect(recordsIn(out)).toHaveLength(1);
    expect(filesUnder(out).filter((name) => /\.tmp$|report/.test(name))).toEqual([]);
    const first = writtenIn(out);

    // The lock names the process that trains.
    const killed = await disturbed([...ARGS, "--out", out], isOf(3), () => Deno.kill(ownerOf(out), "SIGKILL"));
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
