import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { models } from "../../mod.ts";
import { linear } from "../../lib/nn/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { adapterMethod, houlsby, pfeiffer } from "../../lib/peft/mod.ts";
import type { Tensor } from "../../lib/tensor/mod.ts";
import { testDevice } from "../support/device.ts";
import { encoder, encoderBatch, encoderWeights } from "../support/encoder.ts";
import { fixtureLogits, followFixture } from "../support/follow_fixture.ts";
import { bits, expectClose, Numbers } from "../support/numbers.ts";

const [WIDTH, C] = [8, 32];
const HEADS = /^classifier$/;
const METHODS = {
  houlsby: houlsby({ width: WIDTH, heads: HEADS }),
  pfeiffer: pfeiffer({ width: WIDTH, heads: HEADS }),
};
const COUNTS = {
  houlsby: 4 * (2 * WIDTH * C + WIDTH + C) + 5 * 2 * C /* norms */ + 2 * C + 2,
  pfeiffer: 2 * (2 * WIDTH * C + WIDTH + C) + 2 * C + 2,
};

describe("bottlenecks", () => {
  beforeAll(async () => void await testDevice());

  for (const name of ["houlsby", "pfeiffer"] as const) {
    it(`${name}: follows PyTorch's hooks for 20 steps, and has the same logits when read from its own file`, async () => {
      const method = METHODS[name];
      const { state, logits } = await followFixture(name, method, {
        factorsOf: (of, path) => ({
          down: of[`${path}.adapter_down.weight`],
          downBias: of[`${path}.adapter_down.bias`],
          up: of[`${path}.adapter_up.weight`],
          upBias: of[`${path}.adapter_up.bias`],
        }),
      });
      expectClose(logits, fixtureLogits(name), 5e-4);

      const file = method.export(state);
      expect(file.config).toMatchObject({ peft_type: "BOTTLENECK", method: name, width: WIDTH });
      const base = encoderWeights();
      const read = adapterMethod(file, base);
      expect(read.method.name).toBe(name);
      const adapted = read.method.adapt(base, read.trainable, {});
      expect(bits(await encoder.apply(adapted, encoderBatch(0)).data())).toEqual(bits(logits));
      expect(() => method.merge(state)).toThrow("adapters have no dense weights");
    });

    it(`${name}: begins as the model without it, to the last bit`, async () => {
      const base = encoderWeights();
      const { trainable } = METHODS[name].init(random.key(4), base);
      const adapted = await encoder.apply(METHODS[name].adapt(base, trainable, {}), encoderBatch(1)).data();
      expect(bits(adapted)).toEqual(bits(await encoder.apply(base, encoderBatch(1)).data()));
      const [{ down }] = Object.values(trainable.factors);
      const numbers = Array.from(await down.data());
      const deviation = Math.sqrt(numbers.reduce((sum, x) => sum + x * x, 0) / numbers.length);
      expect(Math.abs(deviation / 0.01 - 1)).toBeLessThan(0.2);
    });

    it(`${name}: trains 2·h·d + h + d parameters for each adapter`, () => {
      const base = encoderWeights();
      const { trainableParameters } = METHODS[name].describe({ base, ...METHODS[name].init(random.key(0), base) });
      expect(trainableParameters).toBe(COUNTS[name]);
    });
  }

  it("stand behind the bias of a layer: y + U·relu(D·y + b) + c, in float64", async () => {
    const numbers = new Numbers(3);
    const base = {
      "layer.0.output.dense.weight": numbers.tensor([3, 2]),
      "layer.0.output.dense.bias": numbers.tensor([3]),
    };
    const [path] = ["layer.0.output.dense"];
    const method = pfeiffer({ width: 2 });
    const parts = {
      down: numbers.tensor([2, 3]),
      downBias: numbers.tensor([2]),
      up: numbers.tensor([3, 2]),
      upBias: numbers.tensor([3]),
    };
    const x = numbers.tensor([4, 2]);
    const params = method.adapt(base, { factors: { [path]: parts }, heads: {} }, {});
    const got = await linear(x, params[`${path}.weight`], params[`${path}.bias`] as Tensor).data();
    const data = async (tensor: Tensor) => Array.from(await tensor.data());
    const layer = (x: number[], W: number[], b: number[]) =>
      b.map((bias, i) => x.reduce((sum, value, j) => sum + value * W[i * x.length + j], bias));
    const [W, b, D, d, U, u] = await Promise.all(
      [...Object.values(base), parts.down, parts.downBias, parts.up, parts.upBias].map(data),
    );
    const rows = await data(x);
    const wanted = [0, 1, 2, 3].flatMap((row) => {
      const y = layer(rows.slice(2 * row, 2 * row + 2), W, b);
      const change = layer(layer(y, D, d).map((value) => Math.max(0, value)), U, u);
      return y.map((value, i) => value + change[i]);
    });
    expectClose(got, wanted, 1e-5);
  });

  it("find their places in all encoders that are here: two in each layer, or one", () => {
    for (const model_type of ["bert", "roberta", "distilbert", "deberta-v2"]) {
      const config = { model_type, vocab_size: 16, hidden_size: 8, num_hidden_layers: 2, num_attention_heads: 2 };
      const distil = { dim: 8, n_layers: 2, n_heads: 2, hidden_dim: 16 };
      const deberta = {
        relative_attention: true,
        position_buckets: 4,
        pos_att_type: ["p2c", "c2p"],
        share_att_key: true,
      };
      const extra = model_type === "distilbert" ? distil : model_type === "deberta-v2" ? deberta : {};
      const base = models.fromConfig({ ...config, ...extra }, { head: "classification", labels: 2 }).init(
        random.key(0),
      );
      for (const [make, count] of [[houlsby, 4], [pfeiffer, 2]] as const) {
        expect(Object.keys(make({ width: 2 }).init(random.key(0), base).trainable.factors).length).toBe(count);
      }
    }
  });

  it("refuse widths and activations that are none", () => {
    expect(() => houlsby({ width: 0 })).toThrow("houlsby: a width is a whole number from 1, not 0");
    expect(() => pfeiffer({ width: 4, activation: "tanh" as "relu" })).toThrow(
      "an activation is gelu or relu, not tanh",
    );
  });
});
