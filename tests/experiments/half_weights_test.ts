import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { loadSafetensors, openSafetensors, saveSafetensors } from "../../lib/io/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";
import { writeSuiteModel } from "../../experiments/suite/suite_folder.ts";
import { testFolder } from "../support/folder.ts";
import { runTask, STACK } from "./run_task.ts";

/** Steps of a run: enough for the factors to matter. */
const STEPS = "12";

describe("--weights f16", () => {
  const folder = testFolder();
  const model = () => ["--model", `${folder}/model`, "--weights", "f16"];
  const run = async (task: string, args: readonly string[]) => {
    const result = await runTask(task, args);
    if (result.code !== 0) throw new Error(result.stderr);
    return { ...result, json: JSON.parse(result.stdout) };
  };
  const fit = (method: string, out: string) =>
    run("train", [
      ...[
        ...model(),
        "--task",
        "rte",
        "--data",
        "suite",
        "--method",
        method,
        "--steps",
        STEPS,
        "--learning-rate",
        "5e-3",
      ],
      ...["--start-step", "2"].slice(0, method === "delta-lora" ? 2 : 0),
      ...["--out", `${folder}/${out}`, "--json"],
    ]);

  beforeAll(async () => {
    await writeSuiteModel(`${folder}/model`);
  });

  it("trains a LoRA, scores it as the training did, and merges it into a file of F32", async () => {
    const { json: trained, stderr } = await fit("lora", "lora");
    expect(stderr).toMatch(/kept in f16: \d+ matrices, [\d.]+ MiB in place of [\d.]+ MiB/);
    expect(trained.spec.model.weights).toBe("f16");
    const adapter = ["--adapter", `${folder}/lora`];
    const { json: scored } = await run("evaluate", [...model(), ...adapter, "--task", "rte", "--data", "suite"]);
    expect(scored.metrics).toEqual(trained.metrics);
    const { json: merged } = await run("merge", [...model(), ...adapter, "--out", `${folder}/merged`, "--json"]);
    expect(merged.difference.largest).toBeLessThan(1e-5 * (1 + merged.difference.scale));
    const { entries } = await openSafetensors(`${folder}/merged/model.safetensors`);
    for (const { dtype } of entries.values()) expect(dtype).toBe("F32");
  });

  it("gives the same logits from files of F32 and of F16, and says of a number beyond f16 where it stands", async () => {
    const { tensors } = await loadSafetensors(`${folder}/model/model.safetensors`);
    await fit("lora", "other");
    const logits: string[] = [];
    for (const floats of ["F32", "F16"] as const) {
      await saveSafetensors(`${folder}/model/model.safetensors`, tensors, {}, { floats });
      const file = `${folder}/${floats}.jsonl`;
      await run("evaluate", [
        ...model(),
        "--adapter",
        `${folder}/other`,
        "--task",
        "rte",
        "--data",
        "suite",
        "--logits",
        file,
      ]);
      logits.push(await Deno.readTextFile(file));
    }
    // Biases and layer norms of the second file were rounded, too.
    const [first, second] = logits.map((text) =>
      text.trimEnd().split("\n").flatMap((line): number[] => JSON.parse(line))
    );
    first.forEach((x, i) => expect(Math.abs(x - second[i])).toBeLessThan(2e-3 * (1 + Math.abs(x))));
    const name = Object.keys(tensors).find((name) => name.endsWith("query.weight"))!;
    const data = (await tensors[name].data()).slice() as Float32Array;
    data[3] = 1e5;
    const large = { ...tensors, [name]: tensor(data, { shape: tensors[name].shape }) };
    await saveSafetensors(`${folder}/model/model.safetensors`, large, {}, { floats: "BF16" });
    const { code, stderr } = await runTask("evaluate", [
      ...model(),
      "--adapter",
      `${folder}/other`,
      "--task",
      "rte",
      "--data",
      "suite",
    ]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/cannot keep .+query\.weight in f16 as it holds 99\d+, .+--weights f32/);
    expect(stderr).not.toMatch(STACK);
    await saveSafetensors(`${folder}/model/model.safetensors`, tensors);
  });

  it("trains Delta-LoRA without writing W, whose change converts to an adapter all the same", async () => {
    const { json: trained } = await fit("delta-lora", "delta");
    expect(trained.writes).toBe(Number(STEPS) - 3);
    const { tensors } = await loadSafetensors(`${folder}/delta/state.safetensors`);
    expect(Object.keys(tensors).filter((name) => name.startsWith("base"))).toEqual([]);
    const args = ["--state", `${folder}/delta`, "--out", `${folder}/doubled`, "--json"];
    const { json: converted } = await run("convert", args);
    expect(converted.writes).toBe(trained.writes);
    expect(converted.difference.largest).toBeLessThan(1e-4 * (1 + converted.difference.scale));
  });

  it("is refused for full fine-tuning, and for what is no dtype, with the cure", async () => {
    const args = ["--model", `${folder}/model`, "--task", "rte", "--data", "suite", "--out", `${folder}/refused`];
    const full = await runTask("train", [...args, "--method", "full", "--weights", "f16"]);
    expect(full.code).not.toBe(0);
    expect(full.stderr).toContain(
      "--weights f16 is for weights that stay as they are, and full trains them: --weights f32",
    );
    const other = await runTask("train", [...args, "--weights", "f8"]);
    expect(other.code).not.toBe(0);
    expect(other.stderr).toMatch(/--weights.+f32, f16/);
    for (const { stderr } of [full, other]) expect(stderr).not.toMatch(STACK);
  });
});
