import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { random } from "../../lib/ops/mod.ts";
import { adamw } from "../../lib/optim/mod.ts";
import { adapterMethod, lora, pissa } from "../../lib/peft/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";
import { testDevice } from "../support/device.ts";
import { bits, expectClose } from "../support/numbers.ts";
import { TARGETS, tinyBase, tinyBatch, tinyModel, trainTiny } from "../support/tiny.ts";

const OPTIONS = { rank: 3, alpha: 6, targets: TARGETS };
const PATH = "bert.encoder.layer.0.attention.self.query";
const WEIGHT = `${PATH}.weight`;

describe("pissa", () => {
  beforeAll(async () => void await testDevice());

  it("begins with √(S/s)·Vᵀ and U·√(S/s) of a matrix whose singular values are known", async () => {
    // 5 along (3, 4)/5 and (0, 1), 2 along (4, -3)/5 and (1, 0).
    const base = { "query.weight": tensor([[1.6, 3], [-1.2, 4]]) };
    const { trainable, aux } = pissa({ rank: 1, alpha: 4, targets: ["query"] }).init(random.key(0), base);
    const root = Math.sqrt(5 / 4);
    expectClose(await trainable.factors.query.A.data(), [0, root], 1e-6);
    expectClose(await trainable.factors.query.B.data(), [0.6 * root, 0.8 * root], 1e-6);
    expect(bits(await aux.principal.query.A.data())).toEqual(bits(await trainable.factors.query.A.data()));
  });

  it("begins as the model without it, up to rounding, whatever the key, and has LoRA's parameters", async () => {
    const base = tinyBase();
    const method = pissa(OPTIONS);
    const state = { base, ...method.init(random.key(1), base) };
    const plain = await tinyModel.apply(base, tinyBatch(3)).data();
    const adapted = method.adapt(base, state.trainable, state.aux);
    expectClose(await tinyModel.apply(adapted, tinyBatch(3)).data(), plain, 1e-5);
    const other = method.init(random.key(2), base).trainable.factors[PATH];
    expect(bits(await other.A.data())).toEqual(bits(await state.trainable.factors[PATH].A.data()));
    const like = lora(OPTIONS);
    expect(method.describe(state)).toEqual(like.describe({ base, ...like.init(random.key(1), base) }));
  });

  it("trains as LoRA does on W − s·B₀A₀ from the same factors", async () => {
    const optimizer = adamw({ learningRate: 3e-3, weightDecay: 0.01 });
    const { state, losses } = await trainTiny(pissa(OPTIONS), { steps: 8, optimizer });
    const base = tinyBase();
    const { trainable: { factors } } = pissa(OPTIONS).init(random.key(1), base);
    const negated = Object.fromEntries(Object.entries(factors).map(([path, { A, B }]) => [path, { A, B: B.neg() }]));
    const plain = lora(OPTIONS);
    const residual = plain.merge({ base, trainable: { factors: negated, heads: {} }, aux: {} });
    const other = await trainTiny(
      {
        ...plain,
        init: (key, own) => ({ ...plain.init(key, own), trainable: { ...plain.init(key, own).trainable, factors } }),
      },
      { steps: 8, optimizer, base: { ...residual } },
    );
    expectClose(losses, other.losses, 1e-5);
    const [own, wanted] = [pissa(OPTIONS).merge(state), plain.merge(other.state)];
    expectClose(await own[WEIGHT].data(), await wanted[WEIGHT].data(), 1e-5);
    expectClose(
      await state.trainable.factors[PATH].B.data(),
      await other.state.trainable.factors[PATH].B.data(),
      1e-4,
    );
  });

  it("converts to a LoRA adapter of rank 2r that gives the logits on the base as it is", async () => {
    const method = pissa({ ...OPTIONS, rankPattern: { value: 2 }, alphaPattern: { value: 5 } });
    const { state } = await trainTiny(method, { steps: 5 });
    const converted = method.convert!(state);
    expect(converted.config).toMatchObject({
      ...{ peft_type: "LORA", r: 6, lora_alpha: 12, init_lora_weights: true },
      ...{ rank_pattern: { value: 4 }, alpha_pattern: { value: 10 } },
    });
    const read = adapterMethod(converted, state.base);
    expect(read.name).toBe("lora");
    const batch = tinyBatch(70);
    const wanted = await tinyModel.apply(method.adapt(state.base, state.trainable, state.aux), batch).data();
    const adapted = read.method.adapt(state.base, read.trainable, {});
    expectClose(await tinyModel.apply(adapted, batch).data(), wanted, 1e-5);
    // The other file is read as what it is, and gives the same.
    const again = adapterMethod(method.export(state), state.base);
    expect(again.name).toBe("pissa");
    const own = again.method.adapt(state.base, again.trainable, again.aux);
    expect(bits(await tinyModel.apply(own, batch).data())).toEqual(bits(wanted));
  });

  it("refuses an α that has no root, and a rank above a weight's singular values", () => {
    for (const alpha of [0, -1, NaN]) {
      const message = `pissa: alpha is above 0, not ${alpha}`;
      expect(() => pissa({ ...OPTIONS, alpha })).toThrow(message);
      expect(() => pissa({ ...OPTIONS, alphaPattern: { value: alpha } })).toThrow(message);
    }
    const base = { "query.weight": tensor([[1, 2, 3], [4, 5, 6]]) };
    expect(() => pissa({ rank: 3, alpha: 1, targets: ["query"] }).init(random.key(0), base)).toThrow(
      "pissa: rank 3 is above the 2 singular values of query",
    );
  });
});
