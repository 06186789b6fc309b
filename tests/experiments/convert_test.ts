import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { loadAdapter } from "../../lib/io/mod.ts";
import { writeSuiteModel } from "../../experiments/suite/suite_folder.ts";
import { testFolder } from "../support/folder.ts";
import { runTask } from "./run_task.ts";

describe("deno task convert", () => {
  const folder = testFolder();
  let args: string[];
  beforeAll(async () => {
    await writeSuiteModel(`${folder}/model`);
    args = [
      "--model",
      `${folder}/model`,
      "--task",
      "cola",
      "--data",
      "suite",
      "--steps",
      "4",
      "--learning-rate",
      "0.01",
      "--rank",
      "3",
    ];
  });

  it("makes of a state of Delta-LoRA one adapter of rank 2r that answers as W and the factors do", async () => {
    const trained = await runTask("train", [
      ...[...args, "--lambda", "2", "--start-step=-1", "--out", `${folder}/run`],
    ]);
    expect([trained.code, trained.stdout]).toEqual([0, expect.stringContaining("W was written 4 times")]);
    const converted = await runTask("convert", ["--state", `${folder}/run`, "--out", `${folder}/adapter`, "--json"]);
    expect(converted.code).toBe(0);
    const { step, writes, rank, difference } = JSON.parse(converted.stdout);
    expect({ step, writes, rank }).toEqual({ step: 4, writes: 4, rank: 6 });
    expect(difference.largest).toBeLessThan(1e-5 * difference.scale + 1e-6);

    const { config, tensors } = await loadAdapter(`${folder}/adapter`);
    expect(config).toMatchObject({ r: 6, lora_alpha: 32, base_model_name_or_path: `${folder}/model` });
    const own = await loadAdapter(`${folder}/run`);
    expect(Object.keys(tensors)).toEqual(Object.keys(own.tensors));
    for (const [name, tensor] of Object.entries(tensors)) {
      expect([name, await tensor.data()]).toEqual([name, await own.tensors[name].data()]);
    }
  });

  it("refuses a run of another method, a folder without a run, and another model", async () => {
    const trained = await runTask("train", [...args, "--method", "lora", "--out", `${folder}/lora`]);
    expect(trained.code).toBe(0);
    const wrong: [args: string[], message: string][] = [
      [["--state", `${folder}/lora`], "as its method is lora, not delta-lora"],
      [["--state", `${folder}/none`], `cannot resume from ${folder}/none/state.json`],
      [["--state", `${folder}/run`, "--model", `${folder}/other`], "its weights differ"],
    ];
    await writeSuiteModel(`${folder}/other`);
    const path = `${folder}/other/model.safetensors`;
    const bytes = await Deno.readFile(path);
    bytes[bytes.length - 1] ^= 1;
    await Deno.writeFile(path, bytes);
    for (const [flags, message] of wrong) {
      const { code, stdout, stderr } = await runTask("convert", [...flags, "--out", `${folder}/x`]);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toContain(message);
      expect(stderr.trimEnd()).toMatch(/^convert: .+$/);
    }
  });
});
