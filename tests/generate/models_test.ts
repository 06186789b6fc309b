import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { makeGenerator, type TokenGenerator } from "../../lib/generate/mod.ts";
import { loadSafetensors } from "../../lib/io/mod.ts";
import * as models from "../../lib/models/mod.ts";
import type { Params } from "../../lib/nn/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { lora } from "../../lib/peft/mod.ts";
import type { Tensor } from "../../lib/tensor/mod.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { optionsOf, type PythonCase } from "./cases.ts";

const FIXTURES = new URL("../fixtures/", import.meta.url);
const { tensors } = await loadSafetensors(new URL("generate_models.safetensors", FIXTURES));

/** What tests/fixtures/generate.py says of its models with random weights. */
const described: Readonly<Record<string, { config: Record<string, unknown>; cases: readonly PythonCase[] }>> = JSON
  .parse(await Deno.readTextFile(new URL("generate_models.json", FIXTURES)));

/** The parameters of a model of the fixture. */
function paramsOf(name: string, model: models.PretrainedModel | models.PretrainedSeq2Seq): Record<string, Tensor> {
  const own = Object.entries(tensors).filter(([key]) => key.startsWith(`${name}.`));
  const checkpoint = Object.fromEntries(own.map(([key, x]): [string, Tensor] => [key.slice(name.length + 1), x]));
  const { params, report } = models.paramsFrom(checkpoint, model, { key: random.key(0) });
  // Biases of logits that are zero are no part of a file.
  expect(report.fresh.filter((one) => one !== "final_logits_bias")).toEqual([]);
  return params;
}

function causal(name: string) {
  const model = models.fromConfig(described[name].config, { head: "causal-lm" });
  return { model, params: paramsOf(name, model) };
}

function seq2seq(name: string) {
  const model = models.fromConfig(described[name].config, { head: "seq2seq-lm" });
  return { model, params: paramsOf(name, model) };
}

/** Holds texts of prompts in a batch to those of transformers, and for some cases those of each prompt alone. */
async function expectTexts(generator: TokenGenerator, params: Params, { name, prompts, texts: wanted }: PythonCase) {
  const texts = await generator.generate(params, prompts);
  const tokensOf = (rows: readonly (readonly { readonly tokens: readonly number[] }[])[]) =>
    rows.map((row) => row.map(({ tokens }) => tokens));
  expect(tokensOf(texts)).toEqual(tokensOf(wanted));
  const scores = wanted.flat().map(({ score }) => score ?? 0);
  texts.flat().forEach(({ score }, i) => expect(score ?? 0).toBeCloseTo(scores[i], 4));
  // What a prompt gets does not depend on those beside it.
  const alone = name === "greedy" || name === "beams" ? prompts : [];
  for (const [row, prompt] of alone.entries()) {
    expect(tokensOf(await generator.generate(params, [prompt]))).toEqual(tokensOf([texts[row]]));
  }
  generator.dispose();
}

const MODELS = [["gpt2", causal, {}], ["llama", causal, {}], ["bart", seq2seq, {}]] as const;

for (const [name, load, options] of MODELS) {
  describe(`a ${name}`, () => {
    beforeAll(async () => void await testDevice());
    afterAll(deviceIdle);

    for (const one of described[name].cases) {
      it(`writes the texts of transformers in a batch of prompts of several lengths: ${one.name}`, async () => {
        const { model, params } = load(name);
        await expectTexts(makeGenerator(model, { ...optionsOf(one), ...options }), params, one);
      });
    }
  });
}

describe("an adapter", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("gives the same tokens beside the weights and merged into them, and others than the model without it", async () => {
    const { model, params } = causal("gpt2");
    const method = lora({ rank: 2, alpha: 8, targets: /c_attn$|c_fc$/ });
    const { trainable, aux } = method.init(random.key(1), params);
    const factors = Object.fromEntries(
      Object.entries(trainable.factors).map(([path, { A, B }], i) => [
        path,
        { A, B: random.normal(random.key(10 + i), B.shape, { std: 0.3 }) },
      ]),
    );
    const changed = { ...trainable, factors };
    const generator = makeGenerator(model, { maxNewTokens: 16, beamSearch: { beams: 3, best: 3 } });
    const prompts = [[5, 6, 7], [8]];
    const tokensOf = async (given: Parameters<typeof generator.generate>[0]) =>
      (await generator.generate(given, prompts)).map((row) => row.map(({ tokens }) => tokens));
    const beside = await tokensOf(method.adapt(params, changed, aux));
    expect(await tokensOf(method.merge({ base: params, trainable: changed, aux }))).toEqual(beside);
    expect(await tokensOf(params)).not.toEqual(beside);
    generator.dispose();
  });
});
