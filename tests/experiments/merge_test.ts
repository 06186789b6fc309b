import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { loadSafetensors } from "../../lib/io/mod.ts";
import { filesUnder } from "../experiment/samples.ts";
import { writeSuiteModel } from "../../experiments/suite/suite_folder.ts";
import { testFolder } from "../support/folder.ts";
import { runTask } from "./run_task.ts";

describe("deno task merge", () => {
  const folder = testFolder();
  beforeAll(async () => {
    await writeSuiteModel(`${folder}/model`);
  });

  it("says the dtype that the weights have, whatever the model's config says", async () => {
    const path = `${folder}/half/config.json`;
    await writeSuiteModel(`${folder}/half`);
    const config = JSON.parse(await Deno.readTextFile(path));
    const train = async (out: string, method: string) => {
      const flags = [
        "--model",
        `${folder}/half`,
        "--task",
        "wnli",
        "--data",
        "suite",
        "--method",
        method,
        "--steps",
        "1",
      ];
      expect((await runTask("train", [...flags, "--out", out])).code).toBe(0);
    };
    const dtypes = async (place: string) => {
      const { dtype, torch_dtype } = JSON.parse(await Deno.readTextFile(`${place}/config.json`));
      return { dtype, torch_dtype };
    };
    await Deno.writeTextFile(path, JSON.stringify({ ...config, torch_dtype: "float16" }));
    await train(`${folder}/half_full`, "full");
    expect(await dtypes(`${folder}/half_full`)).toEqual({ dtype: "float32", torch_dtype: "float32" });
    await Deno.writeTextFile(path, JSON.stringify({ ...config, dtype: "bfloat16" }));
    await train(`${folder}/half_lora`, "lora");
    const flags = ["--model", `${folder}/half`, "--adapter", `${folder}/half_lora`, "--out", `${folder}/half_merged`];
    expect((await runTask("merge", flags)).code).toBe(0);
    expect(await dtypes(`${folder}/half_merged`)).toEqual({ dtype: "float32", torch_dtype: undefined });
  });

  it("writes into no folder that it reads, nor where an adapter lies", async () => {
    await writeSuiteModel(`${folder}/whole`);
    await Deno.mkdir(`${folder}/held`);
    await Deno.writeTextFile(`${folder}/held/adapter_config.json`, "{}");
    await Deno.mkdir(`${folder}/other`);
    await Deno.writeTextFile(`${folder}/other/adapter_config.json`, "{}");
    const before = await Deno.readFile(`${folder}/whole/model.safetensors`);
    const flags = ["--model", `${folder}/whole`, "--adapter", `${folder}/held`];
    const wrong: [out: string, message: string][] = [
      ["whole/", "as it is the folder of --model"],
      ["held", "as it is the folder of --adapter"],
      ["other", "as it holds an adapter"],
    ];
    for (const [out, message] of wrong) {
      const { code, stdout, stderr } = await runTask("merge", [...flags, "--out", `${folder}/${out}`]);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toContain(message);
    }
    const full = [
      "--model",
      `${folder}/whole`,
      "--task",
      "wnli",
      "--data",
      "suite",
      "--method",
      "full",
      "--steps",
      "1",
    ];
    const { code, stderr } = await runTask("train", [...full, "--out", `${folder}/whole`]);
    expect(code).toBe(1);
    expect(stderr).toContain("as it is the folder of --model");
    expect(await Deno.readFile(`${folder}/whole/model.safetensors`)).toEqual(before);
    expect(filesUnder(`${folder}/whole`)).toEqual(["config.json", "model.safetensors", "tokenizer.json"]);
  });

  it("writes a model that answers as the adapter does, and says how far they are apart", async () => {
    const model = ["--model", `${folder}/model`];
    const [adapter, out] = [`${folder}/adapter`, `${folder}/merged`];
    const trained = await runTask("train", [
      ...[
        ...model,
        "--task",
        "wnli",
        "--data",
        "suite",
        "--method",
        "dora",
        "--rank",
        "4",
        "--targets",
        "/attention/",
        "--steps",
        "4",
      ],
      ...["--learning-rate", "0.01", "--schedule", "constant", "--out", adapter, "--json"],
    ]);
    expect(trained.code).toBe(0);

    const merged = await runTask("merge", [
      ...[...model, "--adapter", adapter, "--out", out, "--task", "wnli", "--data", "suite", "--json"],
    ]);
    expect(merged.code).toBe(0);
    const { difference } = JSON.parse(merged.stdout);
    expect(difference).toMatchObject({ examples: 32, source: "task" });
    expect(difference.scale).toBeGreaterThan(0.01);
    expect(difference.largest).toBeLessThan(1e-5 * difference.scale + 1e-6);

    expect(filesUnder(out)).toEqual(["config.json", "labels.json", "model.safetensors", "tokenizer.json"]);
    const tokenizers = [out, `${folder}/model`].map((place) => Deno.readTextFileSync(`${place}/tokenizer.json`));
    expect(tokenizers[0]).toBe(tokenizers[1]);
    expect(JSON.parse(await Deno.readTextFile(`${out}/config.json`))).toMatchObject({
      hidden_size: 64,
      id2label: { 0: "0", 1: "1" },
      problem_type: "single_label_classification",
    });
    // Weights moved where the adapter sits, and nowhere else of the encoder.
    const [before, after] = await Promise.all(
      [`${folder}/model`, out].map((place) => loadSafetensors(`${place}/model.safetensors`)),
    );
    const changed: string[] = [];
    for (const [name, tensor] of Object.entries(before.tensors)) {
      if (!(name in after.tensors)) continue;
      if (String(await tensor.data()) !== String(await after.tensors[name].data())) changed.push(name);
    }
    expect(changed).toHaveLength(8);
    expect(changed.every((name) => /attention.*\.weight$/.test(name))).toBe(true);

    const scored = await runTask("evaluate", ["--model", out, "--task", "wnli", "--data", "suite"]);
    expect(JSON.parse(scored.stdout).metrics).toEqual(JSON.parse(trained.stdout).metrics);
  });

  it("refuses a missing flag and an adapter that is not there in one line", async () => {
    const model = ["--model", `${folder}/model`];
    const wrong: [args: string[], message: string][] = [
      [model, "--adapter is missing"],
      [[...model, "--adapter", `${folder}/none`], "--out is missing"],
      [[...model, "--adapter", `${folder}/none`, "--out", `${folder}/x`], "none/adapter_config.json"],
    ];
    for (const [args, message] of wrong) {
      const { code, stdout, stderr } = await runTask("merge", args);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toContain(message);
      expect(stderr.trimEnd()).toMatch(/^merge: .+$/);
    }
  });
});
