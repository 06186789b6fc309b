import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { completeOptimizer } from "../../experiments/runner/complete_spec.ts";
import { makeOptimizer } from "../../experiments/runner/train/optimizer.ts";
import type { RunSpec } from "../../lib/experiment/mod.ts";
import { tensor } from "../../mod.ts";
import { testDevice } from "../support/device.ts";

const optimizer: RunSpec["optimizer"] = {
  name: "adamw",
  learningRate: 0.5,
  weightDecay: 0.1,
  schedule: "constant",
  warmup: 0,
};
const specOf = (part: Partial<RunSpec["optimizer"]>) => ({
  method: { name: "galore", rank: 1, refreshEvery: 3, targets: ".*query" },
  optimizer: { ...optimizer, ...part },
  steps: 10,
});
const params = { "query.weight": tensor([[1, 2], [3, 4]]), "classifier.bias": tensor([1]) };

describe("a method that is an optimizer", () => {
  beforeAll(async () => void await testDevice());

  it("is the optimizer of its runs, and refuses another", () => {
    const made = makeOptimizer(specOf({}));
    expect(made.refreshEvery).toBe(3);
    expect(made.init(params)).toMatchObject([{ projections: { "query.weight": { shape: [2, 1] } } }, {}]);
    expect(() => makeOptimizer(specOf({ name: "sgd" }))).toThrow(
      "`optimizer.name` sgd is nothing of galore, which is an optimizer itself",
    );
    expect(() => completeOptimizer({ name: "sgd" }, "galore", 10)).toThrow(RangeError);
    expect(completeOptimizer({}, "galore", 10).name).toBe("adamw");
  });

  it("leaves biases without decay where the spec says so", async () => {
    const zero = { "query.weight": tensor([[0, 0], [0, 0]]), "classifier.bias": tensor([0]) };
    const decayOf = async (decaysBiases?: boolean) => {
      const made = makeOptimizer(specOf({ decaysBiases }));
      const { updates } = made.update(zero, made.init(params), params, true);
      return [await updates["query.weight"].data(), await updates["classifier.bias"].data()].map((data) => data[0]);
    };
    const share = Math.fround(-0.05);
    expect(await decayOf()).toEqual([share, share]);
    const [weight, bias] = await decayOf(false);
    expect([weight, Math.abs(bias)]).toEqual([share, 0]);
  });
});
