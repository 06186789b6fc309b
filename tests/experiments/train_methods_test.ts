import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { loadAdapter } from "../../lib/io/mod.ts";
import { writeSuiteModel } from "../../experiments/suite/suite_folder.ts";
import { testFolder } from "../support/folder.ts";
import { runTask } from "./run_task.ts";

describe("deno task train --method", () => {
  const folder = testFolder();
  let model: string[];
  beforeAll(async () => {
    await writeSuiteModel(`${folder}/model`);
    model = ["--model", `${folder}/model`];
  });

  /** Trains a few steps and expects `evaluate` to find the same scores in what was written. */
  async function trainAndEvaluate(name: string, flags: readonly string[]): Promise<string> {
    const out = `${folder}/${name}`;
    const trained = await runTask("train", [
      ...[
        ...model,
        "--task",
        "wnli",
        "--data",
        "suite",
        "--steps",
        "4",
        "--learning-rate",
        "0.01",
        ...flags,
        "--out",
        out,
        "--json",
      ],
    ]);
    expect(trained.code === 0 ? "" : trained.stderr).toBe("");
    const isWhole = ["full", "galore", "flora", "relora"].some((name) => flags.includes(name));
    const written = isWhole ? ["--model", out] : [...model, "--adapter", out];
    const scored = await runTask("evaluate", [...written, "--task", "wnli", "--data", "suite"]);
    expect(JSON.parse(scored.stdout).metrics).toEqual(JSON.parse(trained.stdout).metrics);
    return out;
  }

  it("houlsby writes an adapter of its own kind, which evaluate reads and merge refuses with its reason", async () => {
    const out = await trainAndEvaluate("houlsby", ["--method", "houlsby", "--width", "4"]);
    const { config } = await loadAdapter(out);
    expect(config).toMatchObject({ peft_type: "BOTTLENECK", method: "houlsby", width: 4, activation: "gelu" });
    const merged = await runTask("merge", [...model, "--adapter", out, "--out", `${folder}/merged`]);
    expect([merged.code, merged.stdout]).toEqual([1, ""]);
    expect(merged.stderr).toContain("merge: houlsby: adapters have no dense weights, as the gelu");

    const again = await runTask("train", [
      ...[
        ...model,
        "--task",
        "wnli",
        "--data",
        "suite",
        "--steps",
        "1",
        "--adapter-init",
        out,
        "--out",
        `${folder}/again`,
        "--json",
      ],
    ]);
    expect([again.code, JSON.parse(again.stdout).method]).toEqual([0, "houlsby"]);
  });

  it("bitfit, and full by SGD, are what evaluate reads again", async () => {
    const out = await trainAndEvaluate("bitfit", ["--method", "bitfit"]);
    expect((await loadAdapter(out)).config).toMatchObject({ peft_type: "BITFIT" });
    const merged = await runTask("merge", [...model, "--adapter", out, "--out", `${folder}/dense`, "--json"]);
    expect(JSON.parse(merged.stdout).difference.largest).toBeLessThan(1e-6);
    await trainAndEvaluate("sgd", ["--method", "full", "--optimizer", "sgd", "--momentum", "0.9"]);
  });

  it("galore and flora write whole models, which evaluate reads again, and refuse SGD", async () => {
    await trainAndEvaluate("galore", ["--method", "galore", "--refresh-every", "3", "--scale", "1"]);
    await trainAndEvaluate("flora", ["--method", "flora", "--refresh-every", "3", "--flora-momentum", "0.8"]);
    const refused = await runTask("train", [
      ...[...model, "--task", "wnli", "--data", "suite", "--method", "galore", "--optimizer", "sgd"],
      ...["--out", `${folder}/refused`],
    ]);
    expect([refused.code, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toContain(
      "--optimizer sgd is nothing of galore, which is an optimizer itself: leave it out",
    );
  });

  it("hira and vera write PEFT's kinds, and mora one of its own, which evaluate reads and merge merges", async () => {
    const cases = [
      ["hira", "HIRA", ["--rank", "4"]],
      ["vera", "VERA", ["--projection", "drawn"]],
      ["mora", "MORA", ["--map", "rotation"]],
    ] as const;
    for (const [name, kind, flags] of cases) {
      const out = await trainAndEvaluate(name, ["--method", name, ...flags]);
      expect((await loadAdapter(out)).config.peft_type).toBe(kind);
      const merged = await runTask("merge", [...model, "--adapter", out, "--out", `${folder}/${name}-dense`, "--json"]);
      const { largest, scale } = JSON.parse(merged.stdout).difference;
      expect(largest).toBeLessThan(1e-5 * scale + 1e-6);
    }
  });

  it("pissa writes a file as PEFT's, which evaluate reads, and convert makes LoRA of rank 2r of its state", async () => {
    const out = await trainAndEvaluate("pissa", ["--method", "pissa", "--rank", "3"]);
    expect((await loadAdapter(out)).config).toMatchObject({ peft_type: "LORA", r: 3, init_lora_weights: "pissa" });
    const converted = await runTask("convert", ["--state", out, "--out", `${folder}/pissa-lora`, "--json"]);
    const { rank, difference } = JSON.parse(converted.stdout);
    expect(rank).toBe(6);
    expect(difference.largest).toBeLessThan(1e-5 * difference.scale + 1e-6);
    expect((await loadAdapter(`${folder}/pissa-lora`)).config).toMatchObject({ r: 6, init_lora_weights: true });
  });

  it("relora writes the whole model, which evaluate reads and convert leaves as it is", async () => {
    const flags = ["--method", "relora", "--interval", "2", "--relora-warmup", "1", "--pruned-share", "0.9"];
    const out = await trainAndEvaluate("relora", flags);
    const converted = await runTask("convert", ["--state", out, "--out", `${folder}/none`]);
    expect([converted.code, converted.stderr]).toEqual([1, expect.stringContaining("is the whole model already")]);
    const wrong: [flags: readonly string[], message: string][] = [
      [[...flags, "--weights", "f16"], "--weights f16 is for weights that stay as they are, and relora trains them"],
      [[...flags, "--unload", "share"], "--unload is nothing of method relora"],
      [["--method", "periodic-lora", "--periodic-lora-momentum", "1"], "a number above 0 and below 1, not"],
    ];
    for (const [args, message] of wrong) {
      const task = ["--task", "wnli", "--data", "suite", "--steps", "2", "--out", `${folder}/x`];
      const { code, stderr } = await runTask("train", [...model, ...task, ...args]);
      expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
    }
  });

  it("dylora's state is written by convert at any rank up to its own", async () => {
    const out = await trainAndEvaluate("dylora", ["--method", "dylora", "--rank", "4", "--mode", "frozen"]);
    expect((await loadAdapter(out)).config).toMatchObject({ peft_type: "LORA", r: 4, lora_alpha: 16 });
    const small = ["--state", out, "--rank", "2", "--out", `${folder}/small`, "--json"];
    const converted = await runTask("convert", small);
    const { rank, difference } = JSON.parse(converted.stdout);
    expect(rank).toBe(2);
    expect(difference.largest).toBeLessThan(1e-5 * difference.scale + 1e-6);
    expect((await loadAdapter(`${folder}/small`)).config).toMatchObject({ r: 2, lora_alpha: 16 });
    const large = await runTask("convert", ["--state", out, "--rank", "5", "--out", `${folder}/large`]);
    expect(large.stderr).toContain("no rank above the 4 that were trained, such as 5");
  });

  it("delta-lora refuses dropout in its branch until it is allowed, and flags of others are refused", async () => {
    const flags = [
      ...model,
      "--task",
      "wnli",
      "--data",
      "suite",
      "--steps",
      "2",
      "--method",
      "delta-lora",
      "--branch-dropout",
      "0.1",
    ];
    const refused = await runTask("train", [...flags, "--out", `${folder}/no`]);
    expect(refused.stderr).toContain("allowDropout tries it all the same");
    const tried = ["--allow-dropout", "--lambda-schedule", "linear", "--start-step=-1"];
    const allowed = await runTask("train", [...flags, ...tried, "--out", `${folder}/yes`, "--json"]);
    expect(allowed.code === 0 ? "" : allowed.stderr).toBe("");
    const { writes, metrics } = JSON.parse(allowed.stdout);
    expect(writes).toBe(2);
    const scored = await runTask("evaluate", ["--model", `${folder}/yes`, "--task", "wnli", "--data", "suite"]);
    expect(JSON.parse(scored.stdout).metrics).toEqual(metrics);
    // W received what no adapter holds: the folder is the model.
    const whole = `is the whole model already, to be used as --model ${folder}/yes`;
    const converted = await runTask("convert", ["--state", `${folder}/yes`, "--out", `${folder}/none`]);
    const merged = await runTask("merge", [...model, "--adapter", `${folder}/yes`, "--out", `${folder}/none`]);
    for (const { code, stderr } of [converted, merged]) expect([code, stderr.includes(whole)]).toEqual([1, true]);
    const other = await runTask("train", [
      ...model,
      "--task",
      "wnli",
      "--data",
      "suite",
      "--width",
      "4",
      "--out",
      `${folder}/x`,
    ]);
    expect(other.stderr).toContain("--width is nothing of method delta-lora");
  });
});
