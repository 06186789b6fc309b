import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { random } from "../../lib/ops/mod.ts";
import { adapterMethod, bitfit } from "../../lib/peft/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";
import { testDevice } from "../support/device.ts";
import { encoder, encoderBatch, encoderWeights } from "../support/encoder.ts";
import { fixtureLogits, followFixture } from "../support/follow_fixture.ts";
import { bits, expectClose } from "../support/numbers.ts";

describe("bitfit", () => {
  beforeAll(async () => void await testDevice());

  it("follows PyTorch for 20 steps; merged, and read from its own file, it has the same logits", async () => {
    const method = bitfit({ heads: /^classifier$/ });
    const { state, logits } = await followFixture("bitfit", method, {
      factorsOf: () => ({}) as never,
      // Moves all scores of a query alike, so that its gradient is rounding alone, which Adam blows up.
      isFree: (name) => name.endsWith("key.bias"),
    });
    expectClose(logits, fixtureLogits("bitfit"), 5e-4);
    expectClose(await encoder.apply(method.merge(state), encoderBatch(0)).data(), logits, 1e-6);

    const file = method.export(state);
    expect(file.config).toMatchObject({ peft_type: "BITFIT", modules_to_save: ["classifier"] });
    const base = encoderWeights();
    const read = adapterMethod(file, base);
    const adapted = read.method.adapt(base, read.trainable, {});
    expect(bits(await encoder.apply(adapted, encoderBatch(0)).data())).toEqual(bits(logits));
    const name = "bert.encoder.layer.0.output.dense.weight";
    expect(state.base[name]).toBe(method.merge(state)[name]);
  });

  it("trains every bias and the heads: 11 · C + … of each layer", () => {
    const base = encoderWeights();
    const method = bitfit();
    const { trainableParameters, totalParameters } = method.describe({ base, ...method.init(random.key(0), base) });
    // Per layer: query, key, value, attention's output, its norm, output, its norm (32 each) and intermediate (64).
    const biases = 2 * (7 * 32 + 64) + 32 /* embeddings' norm */ + 32 /* pooler */ + 2;
    expect(trainableParameters).toBe(biases + 32 * 32 + 2 * 32);
    expect(totalParameters).toBe(Object.values(base).reduce((sum, { size }) => sum + size, 0));
  });

  it("refuses a model without biases", () => {
    expect(() => bitfit().init(random.key(0), { "a.weight": tensor([[1]]) })).toThrow(
      "none of the model's 1 parameters",
    );
  });
});
