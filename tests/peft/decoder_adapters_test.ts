import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { loadSafetensors } from "../../lib/io/mod.ts";
import { checkpointOf, configFor, fromConfig, paramsFrom } from "../../lib/models/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { adapterMethod, lora, selectTargets } from "../../lib/peft/mod.ts";
import type { Params } from "../../lib/nn/mod.ts";
import type { Tensor } from "../../lib/tensor/mod.ts";
import { decoderBatch, decoderCheckpoint, describedDecoders } from "../support/decoders.ts";
import { testDevice } from "../support/device.ts";
import { expectClose } from "../support/numbers.ts";

const FIXTURES = new URL("../fixtures/", import.meta.url);
const { tensors } = await loadSafetensors(new URL("decoder_adapters.safetensors", FIXTURES));
const cases: Readonly<
  Record<string, { readonly base: string; readonly config: Record<string, unknown>; readonly names: readonly string[] }>
> = JSON.parse(await Deno.readTextFile(new URL("decoder_adapters.json", FIXTURES)));

function load(base: string) {
  const model = fromConfig(describedDecoders.cases[base]["causal-lm"].config, { head: "causal-lm" });
  const { params } = paramsFrom(decoderCheckpoint(base, "causal-lm"), model, { key: random.key(0) });
  return { model, params };
}

/** Logits of tokens that count, of the first batch of a model. */
async function countedLogits(logits: Tensor, base: string): Promise<number[]> {
  const mask = await decoderBatch(base, 0).attentionMask.data();
  const V = logits.shape[2];
  return Array.from(await logits.data()).filter((_, i) => mask[Math.floor(i / V)] === 1);
}

describe("an adapter of a causal model", () => {
  beforeAll(async () => void await testDevice());

  for (const [name, { base, config, names }] of Object.entries(cases)) {
    it(`gives PEFT's logits to 1e-4, adapted, merged, and written and read again: ${name}`, async () => {
      const { model, params } = load(base);
      const adapter = {
        config,
        tensors: Object.fromEntries(names.map((parameter) => [parameter, tensors[`${name}.${parameter}`]])),
      };
      const wanted = await countedLogits(tensors[`${name}.logits`], base);
      const logitsOf = (params: Params) => countedLogits(model.apply(params, decoderBatch(base, 0)), base);
      expect(await logitsOf(params)).not.toEqual(wanted);
      const { method, trainable, aux, base: changed } = adapterMethod(adapter, params);
      const state = { base: changed, trainable, aux };
      expectClose(await logitsOf(method.adapt(changed, trainable, aux)), wanted, 1e-4);
      expectClose(await logitsOf(method.merge(state)), wanted, 1e-4);
      const again = adapterMethod(method.export(state), changed);
      expectClose(await logitsOf(again.method.adapt(again.base, again.trainable, again.aux)), wanted, 1e-4);
    });
  }

  /** An adapter of the fixture. */
  const adapterOf = (name: string) => ({
    config: cases[name].config,
    tensors: Object.fromEntries(cases[name].names.map((parameter) => [parameter, tensors[`${name}.${parameter}`]])),
  });

  it("keeps words and logits one where the adapter says so, and says so where it is written", () => {
    const { params } = load("llama");
    const { method, trainable, aux, base } = adapterMethod(adapterOf("llama saved table, tied"), params);
    expect(Object.keys(base)).toEqual(Object.keys(params));
    const { config, tensors: written } = method.export({ base, trainable, aux });
    expect(config).toMatchObject({ ensure_weight_tying: true, modules_to_save: ["model.embed_tokens"] });
    expect(written["base_model.model.lm_head.weight"]).toBe(written["base_model.model.model.embed_tokens.weight"]);
    const apart = adapterMethod(adapterOf("llama saved table"), params);
    const again = apart.method.export({ ...apart, base: apart.base });
    expect(again.config.ensure_weight_tying).toBeUndefined();
    expect(apart.base["lm_head.weight"]).toBe(params["model.embed_tokens.weight"]);
  });

  for (const name of ["gpt2 saved head", "gpt2 saved table"]) {
    it(`is merged into a model whose files say that its words are no longer tied: ${name}`, async () => {
      const { params } = load("gpt2");
      const { method, trainable, aux, base } = adapterMethod(adapterOf(name), params);
      const merged = method.merge({ base, trainable, aux });
      const { config } = describedDecoders.cases.gpt2["causal-lm"];
      expect(configFor(config, params)).toBe(config);
      const model = fromConfig(configFor(config, merged), { head: "causal-lm" });
      const { params: read, report } = paramsFrom(checkpointOf(merged, model), model, { key: random.key(0) });
      expect(report).toEqual({ fresh: [], ignored: [], renamed: {} });
      const logits = await countedLogits(model.apply(read, decoderBatch("gpt2", 0)), "gpt2");
      expectClose(logits, await countedLogits(tensors[`${name}.logits`], "gpt2"), 1e-4);
    });
  }

  it("says fan_in_fan_out where its targets are Conv1D layers", () => {
    for (
      const [base, targets, wanted] of [["gpt2", ["c_attn", "c_proj"], true], ["llama", ["q_proj"], false]] as const
    ) {
      const { params } = load(base);
      const method = lora({ rank: 2, alpha: 4, targets });
      const { config } = method.export({ base: params, ...method.init(random.key(0), params) });
      expect(config.fan_in_fan_out).toBe(wanted);
    }
  });

  it("takes no table of embeddings for a linear layer", () => {
    for (const [base, count] of [["gpt2", 8], ["gpt2-inner", 5], ["llama", 14], ["llama-3", 8]] as const) {
      const targets = selectTargets(load(base).params, /./);
      expect({ base, count: targets.length }).toEqual({ base, count });
    }
  });
});
