import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { filesUnder } from "../experiment/samples.ts";
import { testFolder } from "../support/folder.ts";
import { valuesOf } from "./records.ts";
import { disturbed, ownerOf, runTask } from "./run_task.ts";

const STEPS = 60;
const GRID = ["glue", "--tasks", "cola", "--methods", "delta-lora", "--seeds", "1", "--steps", String(STEPS)];

const statesIn = (out: string) => filesUnder(out).filter((name) => name.startsWith("states/"));

describe("a run of a grid that ends in its middle", () => {
  const folder = testFolder();
  let alone: string;
  beforeAll(async () => {
    alone = `${folder}/alone`;
    const { code } = await runTask("reproduce", [
      ...GRID,
      "--checkpoint",
      "best",
      "--out",
      alone,
      "--save-every",
      "1000",
    ]);
    expect(code).toBe(0);
  });

  /** Goes on with the grid, and gives the steps that were done already, by the first line that tells of one. */
  async function goOn(out: string, args: readonly string[]): Promise<number> {
    const { code, stderr } = await runTask("reproduce", [...args, "--out", out]);
    expect(code).toBe(0);
    expect(statesIn(out)).toEqual([]);
    expect(await valuesOf(out)).toEqual(await valuesOf(alone));
    return Number(stderr.match(new RegExp(`seed 0  (\\d+)/${STEPS}`))?.[1] ?? STEPS);
  }

  /** Ends the run behind its half. */
  const isMoment = (line: string) => line.includes(`  ${STEPS / 2}/${STEPS}  `);

  it("loses the steps since its last state to SIGKILL, goes on from there, and ends with the same bits", async () => {
    const out = `${folder}/killed`;
    const args = [...GRID, "--checkpoint", "best", "--save-every", "4"];
    const { code } = await disturbed([...args, "--out", out], isMoment, () => Deno.kill(ownerOf(out), "SIGKILL"));
    expect(code).not.toBe(0);
    expect(filesUnder(`${out}/runs`).filter((name) => name.endsWith(".arrow"))).toEqual([]);
    const [json, tensors] = statesIn(out).filter((name) => !name.endsWith(".tmp"));
    expect([json, tensors].map((name) => name?.split("/").at(-1))).toEqual(["state.json", "state.safetensors"]);
    const { step } = JSON.parse(await Deno.readTextFile(`${out}/${json}`));
    expect([step % 4, step >= STEPS / 2 - 8, step < STEPS]).toEqual([0, true, true]);
    expect(await goOn(out, args)).toBeGreaterThan(step);
  });

  it("saves its state at Ctrl-C, whatever the step, and begins anew where that state was damaged", async () => {
    const out = `${folder}/interrupted`;
    const args = [...GRID, "--checkpoint", "best"];
    const { code } = await disturbed([...args, "--out", out], isMoment, (launcher) => launcher.kill("SIGINT"));
    expect(code).toBe(130);
    const states = statesIn(out);
    const copy = `${folder}/damaged`;
    expect(states).toHaveLength(2);
    await Deno.mkdir(`${copy}/${states[0].replace(/\/[^/]*$/, "")}`, { recursive: true });
    for (const name of states) await Deno.copyFile(`${out}/${name}`, `${copy}/${name}`);
    expect(await goOn(out, args)).toBeGreaterThan(STEPS / 2);

    await Deno.truncate(`${copy}/${states[1]}`, 4000);
    const { code: ended, stderr } = await runTask("reproduce", [...args, "--out", copy]);
    expect([ended, stderr]).toEqual([0, expect.stringContaining("the run begins anew")]);
    expect(await valuesOf(copy)).toEqual(await valuesOf(alone));
  });
});
