import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { random } from "../../lib/ops/mod.ts";
import { adamw, cosineSchedule, linearSchedule, type Optimizer, sgd } from "../../lib/optim/mod.ts";
import { deltaLora, type DeltaLoraOptions } from "../../lib/peft/mod.ts";
import { init, makeStep } from "../../lib/train/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { expectClose } from "../support/numbers.ts";
import { layerLoss, oneLayer, QUERY } from "../support/one_layer.ts";
import { TARGETS } from "../support/tiny.ts";

const OPTIONS: DeltaLoraOptions = { rank: 2, alpha: 6, lambda: 0.5, startStep: 2, targets: TARGETS };
const STEPS = 12;
const OPTIMIZERS: Readonly<Record<string, Optimizer>> = {
  "SGD": sgd({ learningRate: 0.02 }),
  "SGD with momentum and decay": sgd({ learningRate: 0.01, momentum: 0.9, weightDecay: 0.1 }),
  "AdamW": adamw({ learningRate: 0.02, weightDecay: 0.1 }),
};

/** B·A in float64. */
function product(B: ArrayLike<number>, A: ArrayLike<number>): number[] {
  return Array.from(
    { length: 6 * 8 },
    (_, i) => [0, 1].reduce((sum, k) => sum + B[Math.floor(i / 8) * 2 + k] * A[k * 8 + i % 8], 0),
  );
}

/** Trains one layer; gives B·A before each step and in the end, and W − W₀. */
async function run(options: DeltaLoraOptions, optimizer: Optimizer) {
  const { base, points } = oneLayer();
  const method = deltaLora(options);
  const step = jit(makeStep({ loss: layerLoss, method, optimizer }), { donate: [0] });
  let state = init(random.key(1), base, { method, optimizer });
  const products: number[][] = [];
  const look = async () => {
    const { A, B } = state.trainable.factors[QUERY];
    products.push(product(await B.data(), await A.data()));
  };
  const losses: number[] = [];
  await look();
  for (let i = 0; i < STEPS; i++) {
    const [next, metrics] = await step(state, points);
    state = next;
    losses.push(await metrics.loss.item());
    await look();
  }
  step.dispose();
  const difference = async (name: "base" | "merged") => {
    const W = (name === "base" ? state.base : method.merge(state))[`${QUERY}.weight`];
    const [now, first] = [await W.data(), await base[`${QUERY}.weight`].data()];
    return Array.from(now, (x, i) => x - first[i]);
  };
  return { products, losses, change: await difference("base"), merged: await difference("merged"), method, state };
}

describe("deltaLora", () => {
  beforeAll(async () => void await testDevice());

  for (const [name, optimizer] of Object.entries(OPTIMIZERS)) {
    it(`telescopes under ${name}: W_T − W_0 = λ·(α/r)·(B_T A_T − B_{K+1} A_{K+1}), and both forms agree`, async () => {
      const { products, change, losses, merged } = await run({ ...OPTIONS, write: "in-place" }, optimizer);
      const [first, last] = [products[3], products[STEPS]];
      expectClose(change, last.map((x, i) => 0.5 * 3 * (x - first[i])), 1e-5);
      expect(Math.max(...change.map(Math.abs))).toBeGreaterThan(1e-2);
      const other = await run({ ...OPTIONS, write: "telescoped" }, optimizer);
      expectClose(other.losses, losses, 1e-5);
      expectClose(other.merged, merged, 1e-5);
    });
  }

  it("with a λ by step writes λ(t)·(α/r)·(B′A′ − BA) at each: W_T − W_0 is their sum", async () => {
    const total = STEPS;
    const schedules = {
      linear: { lambda: linearSchedule({ peak: 0.8, total }), at: (t: number) => 0.8 * (1 - t / total) },
      cosine: {
        lambda: cosineSchedule({ peak: 0.8, total }),
        at: (t: number) => 0.4 * (1 + Math.cos(Math.PI * t / total)),
      },
    };
    for (const { lambda, at } of Object.values(schedules)) {
      const { products, change, method, state } = await run({ ...OPTIONS, lambda }, OPTIMIZERS.AdamW);
      const wanted = change.map(() => 0);
      for (let t = 3; t < STEPS; t++) {
        wanted.forEach((_, i) => wanted[i] += at(t) * 3 * (products[t + 1][i] - products[t][i]));
      }
      expectClose(change, wanted, 1e-5);
      expect(await method.writeCount!(state).item()).toBe(STEPS - 3);
      expect(method.describe(state).lambda).toBe("by step");
      expect(() => method.export(state)).toThrow("has no factors to export: merge instead");
    }
  });

  it("tells a constant λ with its counts", async () => {
    const { method, state } = await run({ ...OPTIONS, write: "telescoped" }, OPTIMIZERS.SGD);
    // The factors alone: the layer has no head.
    expect(method.describe(state)).toEqual({
      trainableParameters: 2 * (6 + 8),
      totalParameters: 6 * 8 + 6 + 2 * (6 + 8),
      lambda: 0.5,
    });
  });
});
