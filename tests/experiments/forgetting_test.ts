import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { loadEncoder, SUITE_ENCODER } from "../../experiments/suite/encoder.ts";
import { forgettingProbe } from "../../experiments/runner/pretrain/forgetting.ts";
import { suiteVocabulary } from "../../experiments/suite/mod.ts";
import { models, openDevice, random } from "../../mod.ts";

/** Mean loss of the last steps of pre-training, as experiments/suite/encoder.safetensors.json has it. */
async function pretrainingLoss(): Promise<number> {
  return JSON.parse(await Deno.readTextFile(new URL(`${SUITE_ENCODER}.json`))).finalLoss;
}

describe("forgettingProbe()", () => {
  it("finds nearly the loss of pre-training in the encoder, that of guessing in a fresh one, and the same twice", async () => {
    using _device = await openDevice();
    const encoder = await loadEncoder(SUITE_ENCODER, suiteVocabulary().length);
    const probe = await forgettingProbe(encoder, { passages: 256, headSteps: 60 });
    const trained = await pretrainingLoss();
    expect(probe.before).toBeGreaterThan(trained - 0.15);
    expect(probe.before).toBeLessThan(trained + 0.2);
    const params = { ...models.bert({ ...encoder.config, labels: 3 }).init(random.key(0)), ...encoder.weights };
    expect(await probe.lossOf(params)).toBe(probe.before);
    const fresh = await probe.lossOf(models.bert(encoder.config).init(random.key(1)));
    // A uniform guess has ln(456) = 6.1; the head knows how often words are.
    expect(fresh).toBeGreaterThan(3);
    const { "bert.encoder.layer.0.output.dense.weight": _, ...partial } = params;
    await expect(probe.lossOf(partial)).rejects
      .toThrow("cannot ask what was forgotten: bert.encoder.layer.0.output.dense.weight is missing");
    probe.dispose();
  });
});
