import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { dropout } from "../../lib/nn/mod.ts";
import { add, div, matmul, mul, random, square, sub, sum, transpose } from "../../lib/ops/mod.ts";
import { adamw } from "../../lib/optim/mod.ts";
import {
  adalora,
  adapterMethod,
  deltaLora,
  dora,
  hira,
  lora,
  loraFa,
  type LowRankTrainable,
  LowRankWeight,
  type Method,
  mora,
  pissa,
  rslora,
  vera,
} from "../../lib/peft/mod.ts";
import { type Tensor, tensor, type Tree, treeMap } from "../../lib/tensor/mod.ts";
import { init, makeStep } from "../../lib/train/mod.ts";
import { grad, jit } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { bits, expectClose, Numbers } from "../support/numbers.ts";
import { applyLayer, layerLoss, oneLayer, QUERY } from "../support/one_layer.ts";
import { TARGETS } from "../support/tiny.ts";

const OPTIONS = { rank: 2, alpha: 6, targets: TARGETS, dropout: 0.5 };
const STEPS = { totalSteps: 9, warmup: 2, final: 2, interval: 1 };
const DELTA = { ...OPTIONS, lambda: 0.5, startStep: 1, allowDropout: true };
const METHODS = {
  lora: () => lora(OPTIONS),
  rslora: () => rslora(OPTIONS),
  dora: () => dora(OPTIONS),
  adalora: () => adalora({ ...OPTIONS, ...STEPS, initialRank: 2, targetRank: 1 }),
  "delta-lora": () => deltaLora(DELTA),
  hira: () => hira(OPTIONS),
  "mora by sharing": () => mora(OPTIONS),
  "mora by rotation": () => mora({ ...OPTIONS, map: "rotation" }),
  pissa: () => pissa(OPTIONS),
  vera: () => vera(OPTIONS),
  "lora-fa": () => loraFa(OPTIONS),
} satisfies Record<string, () => Method<LowRankTrainable<Tree>>>;

/** A method's state in which the branch is not zero. */
function stateOf<F extends Tree, Aux>(method: Method<LowRankTrainable<F>, Aux>) {
  const { base } = oneLayer();
  const { trainable, aux } = method.init(random.key(1), base);
  const factors = treeMap((x: Tensor) => random.normal(random.key(x.shape[0]), x.shape), trainable.factors);
  return { base, trainable: { ...trainable, factors }, aux };
}

describe("dropout in the branch", () => {
  beforeAll(async () => void await testDevice());

  it("is x Wᵀ + s · dropout(x) Aᵀ Bᵀ, derivatives too: W gets all of x, and the branch what is left", async () => {
    const numbers = new Numbers(5);
    const [x, W] = [numbers.tensor([7, 8]), numbers.tensor([6, 8])];
    const factors = { left: numbers.tensor([6, 2]), right: numbers.tensor([2, 8]) };
    const drop = { rate: 0.3, key: random.key(8) };
    type Point = { readonly x: Tensor; readonly W: Tensor; readonly left: Tensor; readonly right: Tensor };
    const branch = ({ x, W, left, right }: Point) =>
      new LowRankWeight(W, [{ left, right, scale: 1.5 }], drop).project(x);
    const plain = ({ x, W, left, right }: Point) =>
      add(
        matmul(x, transpose(W)),
        mul(matmul(matmul(dropout(x, drop), transpose(right)), transpose(left)), 1.5),
      );
    const point = { x, W, ...factors };
    expectClose(await branch(point).data(), await plain(point).data(), 1e-5);
    const slope = (f: (point: Point) => Tensor) => grad((point: Point) => sum(square(f(point))))(point);
    const [got, want] = [slope(branch), slope(plain)];
    for (const name of ["x", "W", "left", "right"] as const) {
      expectClose(await got[name].data(), await want[name].data(), 1e-4);
    }
    const kept = (await dropout(x, drop).data()).filter((value) => value !== 0).length;
    expect(kept).toBeGreaterThan(20);
    expect(kept).toBeLessThan(56);
  });

  it("in DoRA leaves W all of x, as PEFT has it: x Wᵀ + (m/‖·‖ − 1) ∘ x̃ Wᵀ + m/‖·‖ ∘ s x̃ Aᵀ Bᵀ", async () => {
    const { points: { x } } = oneLayer();
    const method = METHODS.dora();
    const { base, trainable, aux } = stateOf(method);
    const key = random.key(4);
    const got = await applyLayer(method.adapt(base, trainable, aux, key), x).data();
    const { A, B, magnitude } = trainable.factors[QUERY];
    const W = base[`${QUERY}.weight`];
    const change = mul(matmul(B, A), 3);
    const whole = add(W, change);
    const share = div(magnitude, await rowLengths(whole));
    const kept = dropout(x, { rate: 0.5, key: random.foldInEach(key, 1)[0] });
    const [dense, dropped] = [matmul(x, transpose(W)), matmul(kept, transpose(W))];
    const wanted = add(
      add(dense, base[`${QUERY}.bias`]),
      add(mul(sub(share, 1), dropped), mul(share, matmul(kept, transpose(change)))),
    );
    expectClose(got, await wanted.data(), 1e-5);
  });

  for (const [name, make] of Object.entries<() => Method<LowRankTrainable<Tree>>>(METHODS)) {
    it(`${name}: happens with a key alone, is another with another key, and never in merged weights`, async () => {
      const { points: { x } } = oneLayer();
      const method = make();
      const { base, trainable, aux } = stateOf(method);
      const outputs = async (key?: random.Key) =>
        await applyLayer(method.adapt(base, trainable, aux, key), x).data() as Float32Array;
      const [without, one, again, other] = [
        await outputs(),
        await outputs(random.key(1)),
        await outputs(random.key(1)),
        await outputs(random.key(2)),
      ];
      expect(bits(again)).toEqual(bits(one));
      expect(bits(other)).not.toEqual(bits(one));
      expect(bits(one)).not.toEqual(bits(without));
      expectClose(await applyLayer(method.merge({ base, trainable, aux }), x).data(), without, 1e-5);
    });
  }

  it("is another at each step, and the same again from the same state", async () => {
    const { base, points } = oneLayer();
    const method = lora(OPTIONS);
    const optimizer = adamw({ learningRate: 1e-30 });
    const fresh = init(random.key(1), base, { method, optimizer });
    const state = { ...fresh, trainable: stateOf(method).trainable };
    const step = makeStep({ loss: layerLoss, method, optimizer });
    const [next, first] = step(state, points);
    const [, second] = step(next, points);
    const [, again] = step(state, points);
    expect(await again.loss.item()).toBe(await first.loss.item());
    expect(await second.loss.item()).not.toBe(await first.loss.item());
  });

  it("is written into the adapter's configuration, and read from it", () => {
    const method = lora(OPTIONS);
    const state = stateOf(method);
    const adapter = method.export(state);
    expect(adapter.config.lora_dropout).toBe(0.5);
    expect(adapterMethod(adapter, state.base).method.export(state).config.lora_dropout).toBe(0.5);
    expect(METHODS.adalora().export(stateOf(METHODS.adalora())).config.lora_dropout).toBe(0.5);
  });

  it("in Delta-LoRA, once allowed, keeps both forms of the write equal, W moving by the change of BA", async () => {
    const { base, points } = oneLayer();
    const optimizer = adamw({ learningRate: 1e-2 });
    const run = async (write: "in-place" | "telescoped") => {
      const method = deltaLora({ ...DELTA, write });
      let state = init(random.key(1), base, { method, optimizer });
      const step = jit(makeStep({ loss: layerLoss, method, optimizer }), { donate: [0] });
      const losses: number[] = [];
      for (let i = 0; i < 6; i++) {
        const [next, { loss }] = await step(state, points);
        state = next;
        losses.push(await loss.item());
      }
      return { losses, W: await method.merge(state)[`${QUERY}.weight`].data() };
    };
    const [inPlace, telescoped] = [await run("in-place"), await run("telescoped")];
    expectClose(telescoped.losses, inPlace.losses, 1e-5);
    expectClose(telescoped.W, inPlace.W, 1e-5);
  });

  it("refuses rates that are none", () => {
    for (const make of [lora, dora, hira, mora, pissa, vera, loraFa]) {
      expect(() => make({ ...OPTIONS, dropout: 1 })).toThrow("dropout lies in [0, 1), not 1");
    }
    expect(() => deltaLora({ ...DELTA, dropout: -1 })).toThrow("dropout lies in [0, 1), not -1");
  });
});

/** Lengths of rows, as constants. */
async function rowLengths(W: Tensor): Promise<Tensor> {
  const data = await W.data();
  const [rows, columns] = W.shape;
  return tensor(
    Float32Array.from({ length: rows }, (_, i) => Math.hypot(...data.slice(i * columns, (i + 1) * columns))),
  );
}
