import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { random } from "../../lib/ops/mod.ts";
import { adamw, type Optimizer, sgd } from "../../lib/optim/mod.ts";
import { singularValues } from "../../lib/experiment/instruments/mod.ts";
import { deltaLora, type DeltaLoraOptions, type Method, methodNamed } from "../../lib/peft/mod.ts";
import { type Tree, treeLeaf } from "../../lib/tensor/mod.ts";
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
async function run(method: Method<Tree, Tree>, optimizer: Optimizer) {
  const { base, points } = oneLayer();
  const step = jit(makeStep({ loss: layerLoss, method, optimizer }), { donate: [0] });
  let state = init(random.key(1), base, { method, optimizer });
  const products: number[][] = [];
  const look = async () => {
    const [A, B] = ["A", "B"].map((name) => treeLeaf(state.trainable, "factors", QUERY, name).data());
    products.push(product(await B, await A));
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
      const { products, change, losses, merged } = await run(deltaLora({ ...OPTIONS, write: "in-place" }), optimizer);
      const [first, last] = [products[3], products[STEPS]];
      expectClose(change, last.map((x, i) => 0.5 * 3 * (x - first[i])), 1e-5);
      expect(Math.max(...change.map(Math.abs))).toBeGreaterThan(1e-2);
      const other = await run(deltaLora({ ...OPTIONS, write: "telescoped" }), optimizer);
      expectClose(other.losses, losses, 1e-5);
      expectClose(other.merged, merged, 1e-5);
    });
  }

  /** λ(t) by its name in flags and specs, at the share t of the run. */
  const SCHEDULES: Readonly<Record<string, (t: number) => number>> = {
    "linear": (t) => 0.8 * (1 - t),
    "cosine": (t) => 0.4 * (1 + Math.cos(Math.PI * t)),
    "rising-linear": (t) => 0.8 * t,
    "rising-cosine": (t) => 0.4 * (1 - Math.cos(Math.PI * t)),
  };
  for (const [lambdaSchedule, at] of Object.entries(SCHEDULES)) {
    it(`with a λ by step, ${lambdaSchedule}, writes λ(t)·(α/r)·(B′A′ − BA) at each, of more rank than 2r together`, async () => {
      const { make } = methodNamed("delta-lora");
      const options = { rank: 2, alpha: 6, lambda: 0.8, startStep: 2, lambdaSchedule };
      const byStep = make(options, { steps: STEPS, targets: TARGETS });
      const { products, change, method, state } = await run(byStep, OPTIMIZERS.AdamW);
      const wanted = change.map(() => 0);
      for (let t = 3; t < STEPS; t++) {
        wanted.forEach((_, i) => wanted[i] += at(t / STEPS) * 3 * (products[t + 1][i] - products[t][i]));
      }
      expectClose(change, wanted, 1e-5);
      const rankOf = (matrix: readonly number[]) => {
        const values = singularValues({ data: Float64Array.from(matrix), shape: [6, 8] });
        // Writes of W in f32 leave values of some 3e-7.
        return values.filter((value) => value > 3e-6).length;
      };
      expect(rankOf(change)).toBeGreaterThan(4);
      // With a constant λ it is twice the rank at most.
      const { change: telescoped } = await run(deltaLora({ ...OPTIONS, write: "in-place" }), OPTIMIZERS.AdamW);
      expect(rankOf(telescoped)).toBeLessThanOrEqual(4);
      expect(await method.writeCount!(state).item()).toBe(STEPS - 3);
      expect([method.describe(state).lambda, method.isWhole]).toEqual(["by step", true]);
      expect(() => method.export(state)).toThrow("has no factors to export: merge instead");
    });
  }

  it("tells a constant λ with its counts", async () => {
    const { method, state } = await run(deltaLora({ ...OPTIONS, write: "telescoped" }), OPTIMIZERS.SGD);
    // The factors alone: the layer has no head.
    expect(method.describe(state)).toEqual({
      trainableParameters: 2 * (6 + 8),
      totalParameters: 6 * 8 + 6 + 2 * (6 + 8),
      lambda: 0.5,
    });
  });
});
