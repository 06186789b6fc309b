import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { decaysByName } from "../../experiments/runner/train/optimizer.ts";
import { SUITE_ENCODERS } from "../../experiments/suite/encoders.ts";
import { TEXT_MODEL_CONFIGS } from "../../experiments/suite/texts/text_models.ts";
import { models, random } from "../../mod.ts";
import { testDevice } from "../support/device.ts";

describe("decaysByName()", () => {
  it("leaves out biases and the weights of all norms, whatever a model calls them, and nothing else", async () => {
    await testDevice();
    const all = [
      models.bert({ vocabSize: 10, labels: 2, ...SUITE_ENCODERS.small.sizes }),
      models.fromConfig(TEXT_MODEL_CONFIGS.decoder, { head: "causal-lm" }),
      models.fromConfig(TEXT_MODEL_CONFIGS["encoder-decoder"], { head: "seq2seq-lm" }),
    ];
    for (const model of all) {
      const params = model.init(random.key(0));
      const undecayed = Object.keys(params).filter((name) => !decaysByName(name));
      expect(undecayed).toEqual(Object.keys(params).filter((name) => params[name].rank === 1));
      expect(undecayed.length).toBeGreaterThan(10);
    }
  });
});
