import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { fromConfig, paramsFrom } from "../../lib/models/mod.ts";
import { ropeOf } from "../../lib/models/rope.ts";
import { random } from "../../lib/ops/mod.ts";
import { decoderBatch, decoderCheckpoint, describedDecoders } from "../support/decoders.ts";
import { testDevice } from "../support/device.ts";
import { expectClose } from "../support/numbers.ts";

describe("ropeOf()", () => {
  beforeAll(async () => void await testDevice());

  for (const { parameters, d, longest, scale, frequencies } of describedDecoders.ropes) {
    it(`gives transformers' frequencies for ${JSON.stringify(parameters)}`, () => {
      const rope = ropeOf({ rope_parameters: parameters }, { d, longest });
      expect(rope.scale).toBeCloseTo(scale, 6);
      const ratios = Array.from(rope.frequencies, (frequency, i) => frequency / frequencies[i]);
      expectClose(ratios, frequencies.map(() => 1), 1e-5);
    });
  }

  it("reads older configs, with rope_scaling and rope_theta, as newer ones", async () => {
    const { config } = describedDecoders.cases.qwen3["causal-lm"];
    const older = { ...config, rope_parameters: null, rope_theta: 1000, rope_scaling: { type: "linear", factor: 2 } };
    const logits = (json: unknown) => {
      const model = fromConfig(json, { head: "causal-lm" });
      const { params } = paramsFrom(decoderCheckpoint("qwen3", "causal-lm"), model, { key: random.key(0) });
      return model.apply(params, decoderBatch("qwen3", 0)).data();
    };
    expect(Array.from(await logits(older))).toEqual(Array.from(await logits(config)));
  });
});
