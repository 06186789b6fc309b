import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { crossEntropy, meanSquaredError } from "../../lib/nn/mod.ts";
import { add, div, slice } from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad } from "../../lib/transform/mod.ts";
import { checkDerivative, checkValue } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { expectClose, Numbers } from "../support/numbers.ts";
import { checkAgainstPyTorch } from "./pytorch.ts";

describe("crossEntropy", () => {
  beforeAll(async () => void await testDevice());

  for (
    const [name, options] of [
      ["", {}],
      [".smoothed", { labelSmoothing: 0.2 }],
      [".ignore2", { ignoreLabel: 2 }],
      [".weighted", {}],
      [".weightedSmoothed", { labelSmoothing: 0.3 }],
    ] as const
  ) {
    it(`${name.slice(1) || "plain"} has PyTorch's sum and derivative`, async () => {
      await checkAgainstPyTorch(
        `crossEntropy${name}`,
        ({ logits, labels, weights }) => crossEntropy(logits, labels, { ...options, weights }).sum,
      );
    });
  }

  it("counts rows by their weights, and those with the ignored label not at all", async () => {
    const logits = new Numbers(1).tensor([4, 3]);
    const labels = tensor([0, -100, 2, 1], { dtype: "i32" });
    expect(await crossEntropy(logits, labels).count.item()).toBe(3);
    const weights = tensor([0.5, 7, 0, 2]);
    expect(await crossEntropy(logits, labels, { weights }).count.item()).toBe(2.5);
  });

  it("of a batch is the sum of what it is of its parts", async () => {
    const numbers = new Numbers(2);
    const [logits, labels] = [numbers.tensor([6, 5]), numbers.ids([6], 5)];
    const whole = crossEntropy(logits, labels);
    const parts = [0, 4].map((start) => {
      const size = start === 0 ? 4 : 2;
      return crossEntropy(
        slice(logits, { start: [start, 0], size: [size, 5] }),
        slice(labels, { start: [start], size: [size] }),
      );
    });
    const mean = div(add(parts[0].sum, parts[1].sum), add(parts[0].count, parts[1].count));
    expectClose([await mean.item()], [await div(whole.sum, whole.count).item()], 1e-6);
  });

  it("takes labels of every position of a text", async () => {
    const numbers = new Numbers(3);
    const [logits, labels] = [numbers.tensor([2, 5, 7]), numbers.ids([2, 5], 7)];
    await checkValue(() => crossEntropy(logits, labels, { labelSmoothing: 0.1 }).sum);
    await checkDerivative((x) => crossEntropy(x, labels, { labelSmoothing: 0.1 }).sum, [logits]);
  });

  it("is finite where a class is ruled out by −Infinity, and where logits are large", async () => {
    const labels = tensor([0, 2], { dtype: "i32" });
    const logits = tensor([[1, -Infinity, 2], [500, -500, 499]]);
    const { sum: total } = crossEntropy(logits, labels);
    expectClose([await total.item()], [Math.log(1 + Math.E) + Math.log(1 + Math.E)], 1e-6);
    const slope = await grad((x: Tensor) => crossEntropy(x, labels).sum)(logits).data();
    const p = 1 / (1 + Math.E);
    expectClose(slope, [p - 1, 0, 1 - p, 1 - p, 0, p - 1], 1e-5);
  });

  it("is not touched by rows that are ignored, whatever stands in them", async () => {
    const labels = tensor([1, -100], { dtype: "i32" });
    const total = (row: number[]) => crossEntropy(tensor([[1, 2], row]), labels, { labelSmoothing: 0.1 }).sum.item();
    expect(await total([NaN, Infinity])).toBe(await total([0, 0]));
  });

  it("is NaN where a label is no class, rather than a loss that looks good", async () => {
    const logits = new Numbers(4).tensor([2, 3]);
    for (const label of [3, -1, 1000]) {
      expect(await crossEntropy(logits, tensor([1, label], { dtype: "i32" })).sum.item()).toBeNaN();
    }
  });

  it("refuses labels and weights that do not fit, and a smoothing that is no share", () => {
    const [logits, labels] = [new Numbers(5).tensor([4, 3]), tensor([0, 1, 2, 0], { dtype: "i32" })];
    expect(() => crossEntropy(logits, tensor([0, 1], { dtype: "i32" }))).toThrow(
      "crossEntropy: labels [2] do not fit logits [4, 3]",
    );
    expect(() => crossEntropy(logits, labels, { weights: tensor([1, 2]) })).toThrow("weights [2] do not fit logits");
    expect(() => crossEntropy(logits, labels, { labelSmoothing: 2 })).toThrow("lies in [0, 1], not 2");
  });
});

describe("meanSquaredError", () => {
  beforeAll(async () => void await testDevice());

  it("has PyTorch's sum and derivative", async () => {
    await checkAgainstPyTorch(
      "meanSquaredError",
      ({ predictions, labels }) => meanSquaredError(predictions, labels).sum,
    );
  });

  it("weighs rows, and counts them by their weights", async () => {
    const options = { weights: tensor([1, 0, 0.5]) };
    const { sum: total, count } = meanSquaredError(tensor([[1], [2], [3]]), tensor([0, 100, 1]), options);
    expect([await total.item(), await count.item()]).toEqual([3, 1.5]);
    expect(await meanSquaredError(tensor([1, 2]), tensor([1, 1])).count.item()).toBe(2);
  });

  it("refuses labels that do not fit", () => {
    expect(() => meanSquaredError(tensor([[1, 2]]), tensor([1]))).toThrow(
      "meanSquaredError: labels [1] do not fit predictions [1, 2]",
    );
  });
});
