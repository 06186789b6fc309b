import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { TEXT_SCALE, TEXT_TASK_NAMES } from "../../experiments/recipes/texts.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { suiteTextModel } from "../../experiments/runner/model/load_model.ts";
import { TEMPLATES } from "../../experiments/studies/texts/template.ts";
import { comparableTexts } from "../../experiments/studies/texts/text_experiment.ts";
import { textSpecs } from "../../experiments/studies/texts/text_specs.ts";
import { linearizeMeaning } from "../../lib/data/mod.ts";
import { parseSpec } from "../../lib/experiment/mod.ts";
import { filesUnder } from "../experiment/samples.ts";
import { testDevice } from "../support/device.ts";
import { testFolder } from "../support/folder.ts";
import { writeMeanings, writeTextModel } from "../support/text_models.ts";
import { runTask, type TaskResult } from "./run_task.ts";

describe("deno task reproduce e2e", () => {
  const folder = testFolder();
  let args: string[];
  let told: TaskResult;
  beforeAll(async () => {
    await testDevice();
    await writeTextModel(`${folder}/gpt2`, "gpt2");
    await writeMeanings(folder);
    args = [
      ...["e2e", "--model", `${folder}/gpt2`, "--data", folder, "--methods", "full,lora", "--seeds", "1"],
      ...["--steps", "3", "--out", `${folder}/out`],
    ];
    told = await runTask("reproduce", args);
  });

  it("prints methods by metrics beside an untuned model, a template and references, and the papers' rows", () => {
    expect([told.code, told.stderr]).toEqual([0, expect.anything()]);
    const { stdout } = told;
    expect(stdout).toMatch(/^\| method +\| +BLEU \| +NIST \| +METEOR \| +ROUGE-L \| +CIDEr \| +perplexity \|/m);
    for (const row of ["untuned model", "template", "references", "full", "lora"]) {
      expect(stdout).toMatch(new RegExp(`^\\| ${row} +\\| +\\d+\\.\\d \\| +\\d+\\.\\d\\d \\|`, "m"));
    }
    expect(stdout).toMatch(/\| delta-lora \| Delta-LoRA paper \| +70\.84 \? \|/);
    expect(stdout).toMatch(/\| lora +\| LoRA paper +\| +70\.4 \|/);
    expect(stdout).toContain("Texts about 2 sources of the test split, written by a search with 4 beams; seed 0");
    expect(stdout).toContain("Only roughly comparable with the papers");
  });

  it("keeps each text with its source, references and scores, and a report", async () => {
    const files = await filesUnder(`${folder}/out/predictions`);
    const named = ["references.jsonl", "template.jsonl", expect.stringMatching(/^untuned-[0-9a-f]{16}\.jsonl$/)];
    expect(files).toHaveLength(5);
    expect(files).toEqual(expect.arrayContaining([...named, expect.stringMatching(/^[0-9a-f]{16}\.jsonl$/)]));
    for (const file of files) {
      const lines = (await Deno.readTextFile(`${folder}/out/predictions/${file}`)).trimEnd().split("\n");
      for (const line of lines) {
        expect(JSON.parse(line)).toMatchObject({
          source: expect.stringMatching(/^name : Giraffe/),
          text: expect.any(String),
          references: expect.any(Array),
          scores: { bleu: expect.any(Number), cider: expect.any(Number) },
        });
      }
    }
    const report = await Deno.readTextFile(`${folder}/out/report.md`);
    expect(report).toContain("## The papers' figures");
    expect(report).toContain("template: Giraffe is a place in the riverside area.");
  });

  it("repeats nothing that is recorded, and then needs no device", async () => {
    const again = await runTask("reproduce", [...args, "--json"]);
    expect([again.code, again.stderr]).toEqual([0, expect.anything()]);
    expect(again.stderr).toContain("nothing is left to run");
    const { runs, baselines } = JSON.parse(again.stdout);
    expect(runs).toHaveLength(2);
    expect(Object.keys(baselines)).toEqual(["untuned", "template", "references"]);
  });
});

describe("runs of reproduce e2e|webnlg|xsum", () => {
  it("are whole specs at the papers' scale, for which no files are at hand", async () => {
    for (const task of TEXT_TASK_NAMES) {
      const scale = TEXT_SCALE.paper;
      const inputs = new Inputs({ offline: true }, scale.model[task]);
      const specs = await textSpecs(inputs, { task, scale, methods: scale.methods, seeds: 1, isPlan: true });
      expect(specs.map(({ method }) => method.name)).toEqual(["full", "lora", "dylora", "adalora", "delta-lora"]);
      for (const spec of specs) expect(parseSpec(spec)).toEqual(spec);
      const [, lora, , , delta] = specs;
      if (task === "xsum") {
        expect(lora).toMatchObject({ kind: "sequence-to-sequence", batchSize: 64, epochs: 25, decoding: { beams: 8 } });
        expect(delta.method).toMatchObject({ lambda: 0.5, startStep: 1000, alpha: 32 });
      } else {
        expect(lora).toMatchObject({
          ...{ kind: "language-modelling", batchSize: 8, epochs: 5, labelSmoothing: 0.1 },
          optimizer: { learningRate: 2e-4, weightDecay: 0.01, warmup: 500, epsilon: 1e-6 },
          decoding: { beams: 10, lengthPenalty: task === "e2e" ? 0.9 : 0.8, noRepeatNGrams: 4, maxNewTokens: 64 },
        });
        expect(lora.method).toMatchObject({ rank: 4, alpha: 32, dropout: 0.1 });
        expect(delta.method.dropout).toBeUndefined();
        expect(lora.optimizer.clip).toBeUndefined();
        expect(delta.method).toMatchObject({ rank: 4, alpha: 32, lambda: 2, startStep: 500 });
      }
    }
  });
});

describe("what is said of the papers' figures", () => {
  const spec = {
    data: { source: "folder", hash: "0", examples: 1 },
    model: { name: "openai-community/gpt2-medium" },
    task: "e2e",
    split: "test",
  } as const;
  const said = (own: object) =>
    comparableTexts({ ...spec, ...own } as unknown as Parameters<typeof comparableTexts>[0]); // what is asked alone

  it("calls figures comparable for the papers' model on the whole test split alone", () => {
    expect(said({})).toMatch(/^Comparable with the papers, .*METEOR is without synonyms/);
    expect(said({ split: "dev" })).toContain("Only roughly comparable with the papers");
    expect(said({ decoding: { beams: 4, maxNewTokens: 40, sources: 40 } })).toContain(
      "ours are of 40 inputs of its test split",
    );
    expect(said({ model: { name: "gpt2" } })).toContain("the model is gpt2");
    expect(said({ task: "xsum", model: { name: "facebook/bart-large" } })).not.toContain("METEOR");
  });
});

describe("TEMPLATES", () => {
  it("say what is given", () => {
    const meaning = "name[Aromi], eatType[pub], food[Thai], priceRange[high], familyFriendly[no], seats[9]";
    expect(TEMPLATES.e2e(linearizeMeaning(meaning))).toBe(
      "Aromi is a pub serving Thai food in the high price range. It is not family friendly. Its seats is 9.",
    );
    const house = "name[Ivo's], house[inn], quarter[hill], dish[pancakes], cost[unknown], stars[none], dogs[yes]";
    expect(TEMPLATES.e2e(linearizeMeaning(house))).toBe(
      "Ivo's is a inn in the hill quarter serving pancakes. Dogs are welcome.",
    );
    expect(TEMPLATES.webnlg("Buzz_Aldrin : birthPlace : Glen_Ridge | A : b : c")).toBe(
      "The birth place of Buzz Aldrin is Glen Ridge. The b of A is c.",
    );
    expect(TEMPLATES.xsum("It rained. Much more.")).toBe("It rained.");
  });
});

describe("the suite's models that write texts", () => {
  it("are those of reproduce's default size, on generated texts", async () => {
    for (const task of TEXT_TASK_NAMES) {
      const scale = TEXT_SCALE.default;
      const inputs = new Inputs({ model: suiteTextModel(task === "xsum" ? "encoder-decoder" : "decoder") });
      const [spec] = await textSpecs(inputs, { task, scale, methods: ["lora"], seeds: 1 });
      const kind = task === "xsum" ? "sequence-to-sequence" : "language-modelling";
      expect(spec).toMatchObject({ kind, data: { source: "suite" }, split: "test", model: { hiddenSize: 64 } });
      const { written, sets, train } = await inputs.encodedTexts(spec);
      expect(written!.prompts).toHaveLength(40);
      expect(sets.dev.examples.length).toBeGreaterThan(40);
      expect(train.examples.length).toBe(spec.data.examples);
    }
  });
});
