import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { loadAdapter, saveAdapter } from "../../lib/io/mod.ts";
import { sha256 } from "../../lib/io/sha256.ts";
import { shiftRight } from "../../lib/models/mod.ts";
import type { Params } from "../../lib/nn/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { adapterMethod, type BaseParams } from "../../lib/peft/mod.ts";
import type { Tensor } from "../../lib/tensor/mod.ts";
import said from "../fixtures/bart_peft/logits.json" with { type: "json" };
import { bartBatch, bartClassifier, bartWriter, loadBart } from "../support/bart.ts";
import { type BartAdapter, bartAdapters } from "../support/bart_adapters.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { testFolder } from "../support/folder.ts";
import { expectClose } from "../support/numbers.ts";

const folder = new URL("../fixtures/bart_peft/", import.meta.url).pathname;

/** The parameters that an adapter's name says it is for, and the model's answer to the fixture's first batch. */
function modelOf(adapter: string): { base: BaseParams; answer: (params: Params) => Tensor } {
  const [name, head] = adapter.split("/");
  const { labels, ...batch } = bartBatch(name, 0);
  if (head === "classification") {
    const { model, params } = loadBart(name, "classification", bartClassifier(name));
    return { base: params, answer: (p) => model.apply(p, { ...batch, tokenTypeIds: batch.inputIds }) };
  }
  const { model, params } = loadBart(name, "seq2seq-lm", bartWriter(name));
  const decoderInputIds = shiftRight(labels, model.config.tokens);
  return { base: params, answer: (p) => model.apply(p, { ...batch, decoderInputIds }) };
}

describe("adapters of BARTs that PEFT's save_pretrained wrote", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  for (const [name, wanted] of Object.entries(said.logits)) {
    it(`${name}: gives PEFT's logits here to 1e-4, adapted and merged`, async () => {
      const { base, answer } = modelOf(name);
      const { method, trainable, base: changed } = adapterMethod(await loadAdapter(`${folder}${name}`), base);
      // The method's own state has the type of what was read.
      const state = { base: changed, trainable: trainable as never, aux: method.init(random.key(0), changed).aux };
      expectClose(await answer(method.adapt(changed, state.trainable, state.aux)).data(), wanted, 1e-4);
      expectClose(await answer(method.merge(state)).data(), wanted, 1e-4);
      expect(() => expectClose(wanted, Array.from(wanted, () => 0), 1e-2)).toThrow();
      const plain = await answer(base).data();
      expect(() => expectClose(plain, wanted, 1e-2)).toThrow();
    });
  }

  it("are refused where PEFT's factors are those of a table that encoder and decoder read under other names", async () => {
    const { base } = modelOf("bart/seq2seq-lm/lora");
    const { config, tensors } = await loadAdapter(`${folder}bart/seq2seq-lm/lora`);
    const targets = (target_modules: string[], extra = {}) => ({
      config: { ...config, target_modules, ...extra },
      tensors,
    });
    expect(() => adapterMethod(targets(["q_proj", "v_proj", "shared"]), base)).toThrow(
      "PEFT's factors of model.shared are without effect there",
    );
    expect(() => adapterMethod(targets(["q_proj", "v_proj"], { modules_to_save: ["shared"] }), base)).toThrow(
      "modules_to_save",
    );
  });
});

describe("adapters of BARTs that are written here", () => {
  const made = testFolder();
  let ours: Readonly<Record<string, BartAdapter>>;
  beforeAll(async () => {
    await testDevice();
    ours = bartAdapters();
  });
  afterAll(deviceIdle);

  it("are those that PEFT was given", () => {
    expect(Object.keys(said.ours).sort()).toEqual(Object.keys(ours).sort());
  });

  for (const [name, peft] of Object.entries(said.ours)) {
    it(`${name}: PEFT found every tensor, none too many, and gave the logits to 1e-4`, async () => {
      const { adapter, adapted, merged } = ours[name];
      expect([peft.unexpected, peft.missing]).toEqual([[], []]);
      const isWriter = name.includes("seq2seq");
      expect(peft.class).toBe(isWriter ? "PeftModelForSeq2SeqLM" : "PeftModelForSequenceClassification");
      await saveAdapter(`${made}/${name}`, adapter);
      const hashes: string[] = [];
      for (const file of ["adapter_config.json", "adapter_model.safetensors"]) {
        hashes.push(await sha256(await Deno.readFile(`${made}/${name}/${file}`)));
      }
      expect(hashes).toEqual(peft.files);
      const { answer } = modelOf(name);
      expectClose(await answer(adapted()).data(), peft.logits, 1e-4);
      expectClose(await answer(merged()).data(), peft.logits, 1e-4);
    });
  }
});
