import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { random, sub } from "../../lib/ops/mod.ts";
import { adapterMethod, linearProbe } from "../../lib/peft/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";
import { testDevice } from "../support/device.ts";
import { encoder, encoderBatch, encoderWeights } from "../support/encoder.ts";
import { bits } from "../support/numbers.ts";

describe("linearProbe", () => {
  beforeAll(async () => void await testDevice());

  it("trains pooler and classifier alone", () => {
    const base = encoderWeights();
    const method = linearProbe();
    const { trainable, aux } = method.init(random.key(0), base);
    expect(Object.keys(trainable.heads).sort()).toEqual(
      Object.keys(base).filter((name) => /pooler|classifier/.test(name)).sort(),
    );
    expect(method.describe({ base, trainable, aux }).trainableParameters).toBe(32 * 32 + 32 + 2 * 32 + 2);
  });

  it("changes logits by its heads alone; merged, and read from its own file, it has the same", async () => {
    const base = encoderWeights();
    const method = linearProbe({ heads: /^classifier$/ });
    const { trainable: { heads }, aux } = method.init(random.key(0), base);
    const moved = Object.fromEntries(Object.entries(heads).map(([name, value]) => [name, sub(value, 0.5)]));
    const state = { base, trainable: { factors: {}, heads: moved }, aux };
    const logits = await encoder.apply(method.adapt(base, state.trainable, aux), encoderBatch(0)).data();
    expect(bits(logits)).not.toEqual(bits(await encoder.apply(base, encoderBatch(0)).data()));
    expect(bits(await encoder.apply(method.merge(state), encoderBatch(0)).data())).toEqual(bits(logits));

    const file = method.export(state);
    expect(file.config).toMatchObject({ peft_type: "LINEAR_PROBE", modules_to_save: ["classifier"] });
    const read = adapterMethod(file, base);
    const adapted = read.method.adapt(base, read.trainable, {});
    expect(bits(await encoder.apply(adapted, encoderBatch(0)).data())).toEqual(bits(logits));
  });

  it("refuses a model without heads", () => {
    expect(() => linearProbe().init(random.key(0), { "a.weight": tensor([[1]]) })).toThrow(
      "none of the model's 1 parameters is of a head",
    );
  });
});
