import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { runBegan } from "../../experiments/runner/run_began.ts";
import { boardRun, readRecord } from "../../lib/experiment/mod.ts";
import { filesUnder } from "../experiment/samples.ts";
import { testFolder } from "../support/folder.ts";
import { runTask } from "./run_task.ts";

const FILE = "events.out.tfevents.0.delta-dawn";
const SMALL = ["--steps", "2", "--max-length", "16"];

/** Holds what lies in a run's folder to what its record gives. */
async function expectRun(out: string, board: string): Promise<void> {
  const [file] = [...Deno.readDirSync(`${out}/runs`)].map(({ name }) => name);
  const record = await readRecord(`${out}/runs/${file}`);
  const { spec: { method, seed }, hash } = record;
  const folder = `rte/${method.name}-seed-${seed}-${hash.slice(0, 8)}`;
  const bytes = await Deno.readFile(`${board}/${folder}/${FILE}`);
  expect(bytes).toEqual(boardRun(record, { began: await runBegan(record, out) / 1000 }));
}

describe("--tensorboard", () => {
  const folder = testFolder();

  it("of reproduce writes each run into a folder of its own, and what runs vary above; again, the same files", async () => {
    const [out, board] = [`${folder}/glue`, `${folder}/board`];
    const args = ["glue", "--tasks", "rte", "--methods", "lora,bitfit", "--seeds", "1", "--steps", "2"];
    const command = [...args, "--out", out, "--tensorboard", board];
    const { code, stdout } = await runTask("reproduce", command);
    expect([code, stdout.trim().endsWith(board)]).toEqual([0, true]);
    const files = filesUnder(board);
    expect(files).toEqual([
      FILE,
      expect.stringMatching(/^rte\/bitfit-seed-0-[\da-f]{8}\/events\.out\.tfevents\.0\.delta-dawn$/),
      expect.stringMatching(/^rte\/lora-seed-0-[\da-f]{8}\/events\.out\.tfevents\.0\.delta-dawn$/),
    ]);
    await expectRun(out, board);
    expect((await runTask("reproduce", command)).code).toBe(0);
    expect(filesUnder(board)).toEqual(files);
  });

  it("of train writes its run", async () => {
    const [out, board] = [`${folder}/train`, `${folder}/train-board`];
    const inputs = ["--model", "suite", "--task", "rte", "--data", "suite", "--method", "lora"];
    const { code } = await runTask("train", [...inputs, ...SMALL, "--out", out, "--tensorboard", board]);
    expect([code, filesUnder(board).length]).toEqual([0, 1]);
    await expectRun(out, board);
  });
});
