import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { trainDraft, type TrainFlags } from "../../experiments/cli/train_draft.ts";
import { completeTextSpec } from "../../experiments/runner/complete_text_spec.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { Trainer } from "../../experiments/runner/train/trainer.ts";
import type { RunOutcome } from "../../lib/experiment/records/mod.ts";
import { readRecord } from "../../lib/experiment/mod.ts";
import { loadAdapter, loadSafetensors } from "../../lib/io/mod.ts";
import { testDevice } from "../support/device.ts";
import { testFolder } from "../support/folder.ts";
import { type TextModelName, writeMeanings, writeTextModel } from "../support/text_models.ts";
import { filesUnder } from "../experiment/samples.ts";
import { runTask } from "./run_task.ts";

describe("runs of texts", () => {
  const folder = testFolder();
  beforeAll(async () => {
    await testDevice();
    for (const name of ["gpt2", "bart"] as const) await writeTextModel(`${folder}/${name}`, name);
    await writeMeanings(folder);
  });

  const flagsOf = (model: TextModelName): TrainFlags => ({
    ...{ model: `${folder}/${model}`, task: "e2e", data: folder, method: "lora", rank: "2" },
    ...{ steps: 4, "learning-rate": 0.01, beams: 2, "max-new-tokens": 5, "max-length": 64 },
  });

  const draftOf = async (flags: TrainFlags) => {
    const { draft, sources } = trainDraft(flags);
    const inputs = new Inputs(sources);
    return { inputs, ...await completeTextSpec(draft, inputs) };
  };

  it("train a model by the command, write texts with their scores, and go on to the same bits", async () => {
    const args = ["--model", `${folder}/gpt2`, "--task", "e2e", "--data", folder, "--method", "lora", "--rank", "2"];
    const rest = ["--learning-rate", "0.01", "--beams", "2", "--max-new-tokens", "5", "--max-length", "64"];
    const out = `${folder}/run`;
    const told = await runTask("train", [...args, ...rest, "--steps", "4", "--out", out]);
    expect([told.code, told.stderr]).toEqual([0, expect.anything()]);
    expect(told.stdout).toMatch(/^dev: loss \d+\.\d+, perplexity [\d.]+, tokenAccuracy [\d.]+ \(4 examples\)$/m);
    expect(told.stdout).toMatch(/^texts: bleu [\d.]+, nist [\d.]+, meteor [\d.]+, rougeL [\d.]+, cider [\d.]+ \(2 ex/m);
    const { config, tensors } = await loadAdapter(out);
    expect(config).toMatchObject({ task_type: "CAUSAL_LM", r: 2, fan_in_fan_out: true });
    expect(Object.keys(tensors)).toContain("base_model.model.transformer.h.0.attn.c_attn.lora_A.weight");
    const lines = (await Deno.readTextFile(`${out}/predictions.jsonl`)).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { source: "name : Giraffe | area : riverside", references: [expect.anything(), expect.anything()] },
      { source: "name : Giraffe | area : city centre", text: expect.any(String), scores: { bleu: expect.any(Number) } },
    ]);
    const [record] = (await filesUnder(`${out}/runs`)).filter((name) => name.endsWith(".arrow"));
    const { spec, result } = await readRecord(`${out}/runs/${record}`);
    expect(spec).toMatchObject({ kind: "language-modelling", metric: "bleu", split: "test", decoding: { beams: 2 } });
    expect(Object.keys(result!.metrics)).toEqual(
      ["bleu", "cider", "loss", "meteor", "nist", "perplexity", "rougeL", "tokenAccuracy"],
    );
    const again = await runTask("train", [...args, ...rest, "--steps", "4", "--out", out, "--resume"]);
    expect([again.code, again.stderr]).toEqual([0, expect.anything()]);
    expect((await Deno.readTextFile(`${out}/predictions.jsonl`)).trimEnd().split("\n")).toEqual(lines);
  });

  it("write a whole model where all of it was trained, which transformers' names find again", async () => {
    const out = `${folder}/whole`;
    const told = await runTask("train", [
      ...["--model", `${folder}/bart`, "--task", "e2e", "--data", folder, "--method", "full", "--steps", "2"],
      ...["--beams", "1", "--max-new-tokens", "4", "--out", out],
    ]);
    expect([told.code, told.stderr]).toEqual([0, expect.anything()]);
    const names = async (path: string) => Object.keys((await loadSafetensors(path)).tensors).sort();
    expect(await names(`${out}/model.safetensors`)).toEqual(await names(`${folder}/bart/model.safetensors`));
    expect(JSON.parse(await Deno.readTextFile(`${out}/config.json`))).toMatchObject({
      model_type: "bart",
      dtype: "float32",
    });
  });

  for (const model of ["gpt2", "bart"] as const) {
    it(`give the same bits as cells of one program and alone: ${model}`, async () => {
      const device = await testDevice();
      const { beams: _, "max-new-tokens": __, ...flags } = flagsOf(model);
      const { inputs, spec } = await draftOf({ ...flags, "no-texts": true, method: "delta-lora" });
      // Without buckets, so that seeds share programs.
      const { padding: ___, ...shared } = spec;
      const specs = [0, 1].map((seed) => ({ ...shared, seed }));
      const trainer = new Trainer(device, inputs);
      const outcomes: RunOutcome[] = [];
      try {
        await trainer.trainTogether(specs.map((spec) => ({ spec, hooks: {} })), {
          onOutcome: (cell, outcome) => Promise.resolve(void (outcomes[cell] = outcome)),
        });
        for (const [cell, spec] of specs.entries()) {
          const alone = await trainer.train(spec);
          const outcome = outcomes[cell];
          if (outcome.status !== "finished") throw new Error(outcome.error);
          expect(outcome.result.cells).toBe(2);
          expect(outcome.result.curve.map(({ loss }) => loss)).toEqual(alone.curve.map(({ loss }) => loss));
          expect(outcome.result.metrics).toEqual(alone.metrics);
        }
        expect(outcomes.length).toBe(2);
      } finally {
        trainer.close();
      }
    });
  }

  it("refuse what cannot be, and say where", async () => {
    const expectRefused = async (flags: TrainFlags, message: string | RegExp) => {
      await expect((async () => {
        const { inputs, spec } = await draftOf(flags);
        await inputs.encodedTexts(spec);
      })()).rejects.toThrow(message);
    };
    const own = flagsOf("gpt2");
    await expectRefused(
      { ...own, "max-new-tokens": 90 },
      /source 0, "name : Giraffe.*: the model has positions for 96/,
    );
    await expectRefused({ ...own, "max-length": 97 }, /`model.length` 97 is more than .* has positions for: 96/);
    await expectRefused({ ...own, "target-length": 8 }, "`model.targetLength` is of an encoder with a decoder");
    await expectRefused({ ...own, "fresh-head": true }, "`model.freshHead` is of classifiers");
    await Deno.mkdir(`${folder}/faulty/e2e`, { recursive: true });
    await Deno.writeTextFile(`${folder}/faulty/e2e/trainset.csv`, 'mr,ref\n"name[Aromi]",It is.\n"name[Zizzi]",\n');
    await expectRefused({ ...own, data: `${folder}/faulty` }, /trainset\.csv:3.*reference in column "ref" is missing/);
    await Deno.writeTextFile(`${folder}/faulty/lines.jsonl`, '{"prompt": "a", "completion": " b"}\n{"prompt": "a"\n');
    const lines = `${folder}/faulty/lines.jsonl`;
    await expectRefused({ ...own, task: "instructions", data: lines }, /lines\.jsonl:2/);
    expect(() => trainDraft({ ...own, "no-texts": true })).toThrow("--no-texts writes no text");
    expect(() => trainDraft({ ...own, data: undefined })).toThrow("--task e2e needs its data");
    await Deno.writeTextFile(`${folder}/faulty/e2e/devset.csv`, 'mr,ref\n"name[Aromi]",It is.\n');
    await Deno.remove(`${folder}/faulty/e2e/trainset.csv`);
    await expectRefused({ ...own, data: `${folder}/faulty` }, "has no train split");
  });
});
