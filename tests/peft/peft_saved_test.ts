import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { loadAdapter } from "../../lib/io/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { adapterMethod } from "../../lib/peft/mod.ts";
import said from "../fixtures/peft_saved/logits.json" with { type: "json" };
import { deviceIdle, testDevice } from "../support/device.ts";
import { encoder, encoderBatch, encoderWeights } from "../support/encoder.ts";
import { expectClose } from "../support/numbers.ts";

const folder = new URL("../fixtures/peft_saved/", import.meta.url).pathname;

describe("folders that PEFT's save_pretrained wrote", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  for (const [name, wanted] of Object.entries(said.logits)) {
    it(`${name}: gives PEFT's logits here, adapted and merged`, async () => {
      const base = encoderWeights();
      const { method, trainable } = adapterMethod(await loadAdapter(`${folder}${name}`), base);
      const state = { base, trainable: trainable as never, aux: method.init(random.key(0), base).aux };
      const adapted = method.adapt(base, state.trainable, state.aux);
      // Singular values are computed here and there.
      const tolerance = name === "pissa" ? 1e-4 : 1e-5;
      expectClose(await encoder.apply(adapted, encoderBatch(0)).data(), wanted, tolerance);
      expectClose(await encoder.apply(method.merge(state), encoderBatch(0)).data(), wanted, tolerance);
    });
  }

  it("are all read, and each adapter changes what the model says", async () => {
    const folders = Array.from(Deno.readDirSync(folder)).filter(({ isDirectory }) => isDirectory);
    expect(folders.map(({ name }) => name).sort()).toEqual(Object.keys(said.logits).sort());
    const plain = await encoder.apply(encoderWeights(), encoderBatch(0)).data();
    for (const wanted of Object.values(said.logits)) expect(() => expectClose(plain, wanted, 1e-2)).toThrow();
  });

  it("are refused where their model is another, by the name of what does not fit", async () => {
    const { "bert.encoder.layer.1.attention.self.value.weight": _, ...base } = encoderWeights();
    const adapter = await loadAdapter(`${folder}rslora`);
    expect(() => adapterMethod(adapter, base)).toThrow(
      "nothing of the model fits its tensor base_model.model.bert.encoder.layer.1.attention.self.value.lora_",
    );
  });
});
