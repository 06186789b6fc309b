import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { svd } from "../../lib/linalg/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { adamw } from "../../lib/optim/mod.ts";
import { hira, lora } from "../../lib/peft/mod.ts";
import { treeLeaves } from "../../lib/tensor/mod.ts";
import { testDevice } from "../support/device.ts";
import { bits, expectClose } from "../support/numbers.ts";
import { TARGETS, tinyBase, tinyBatch, tinyModel, trainTiny } from "../support/tiny.ts";

const OPTIONS = { rank: 2, targets: TARGETS };
const PATH = "bert.encoder.layer.0.attention.self.query";
const WEIGHT = `${PATH}.weight`;

describe("hira", () => {
  beforeAll(async () => void await testDevice());

  it("begins as the model without it, to the bit, with LoRA's number of parameters and bytes of moments", async () => {
    const base = tinyBase();
    const [own, plain] = [hira(OPTIONS), lora({ ...OPTIONS, alpha: 2 })];
    const state = { base, ...own.init(random.key(1), base) };
    expect(bits(await own.merge(state)[WEIGHT].data())).toEqual(bits(await base[WEIGHT].data()));
    expect(own.describe(state)).toEqual(plain.describe({ base, ...plain.init(random.key(1), base) }));
    const optimizer = adamw({ learningRate: 1e-3 });
    const sizes = (of: typeof own) =>
      treeLeaves(optimizer.init(of.init(random.key(1), base).trainable)).map(({ size }) => size);
    expect(sizes(own)).toEqual(sizes(plain));
  });

  it("changes each element of W by its share W·(BA), computed in float64, and gives the logits of that", async () => {
    const method = hira(OPTIONS);
    const { state } = await trainTiny(method, { steps: 6, optimizer: adamw({ learningRate: 5e-2 }) });
    const { A, B } = state.trainable.factors[PATH];
    const [a, b, W] = [await A.data(), await B.data(), await state.base[WEIGHT].data()];
    const [r, n] = A.shape;
    const wanted = Float64Array.from(W, (w, i) => {
      let share = 1;
      for (let k = 0; k < r; k++) share += b[Math.floor(i / n) * r + k] * a[k * n + i % n];
      return w * share;
    });
    const merged = method.merge(state);
    expectClose(await merged[WEIGHT].data(), wanted, 1e-6);
    const moved = wanted.map((x, i) => Math.abs(x - W[i])).reduce((x, y) => Math.max(x, y));
    expect(moved).toBeGreaterThan(1e-4);
    const batch = tinyBatch(50);
    const adapted = await tinyModel.apply(method.adapt(state.base, state.trainable, state.aux), batch).data();
    expectClose(await tinyModel.apply(merged, batch).data(), adapted, 1e-5);
  });

  it("leaves the base as it is, and is of a rank above that of its factors", async () => {
    const method = hira(OPTIONS);
    const { state } = await trainTiny(method, { steps: 6, optimizer: adamw({ learningRate: 5e-2 }) });
    expect(bits(await state.base[WEIGHT].data())).toEqual(bits(await tinyBase()[WEIGHT].data()));
    const [, values] = svd(method.merge(state)[WEIGHT].sub(state.base[WEIGHT]));
    const [first, ...others] = await values.data();
    expect(others.filter((value) => value > 1e-4 * first).length + 1).toBeGreaterThan(8 * OPTIONS.rank - 1);
  });

  it("refuses a rank that is none", () => {
    expect(() => hira({ ...OPTIONS, rank: 0 })).toThrow("hira: a rank is a whole number from 1, not 0");
  });
});
