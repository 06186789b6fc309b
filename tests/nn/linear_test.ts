import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { linear, tensorOf } from "../../lib/nn/mod.ts";
import { LowRankWeight } from "../../lib/peft/mod.ts";
import { testDevice } from "../support/device.ts";
import { Numbers } from "../support/numbers.ts";
import { checkAgainstPyTorch } from "./pytorch.ts";

describe("linear", () => {
  beforeAll(async () => void await testDevice());

  it("has PyTorch's values and derivatives", async () => {
    await checkAgainstPyTorch("linear", ({ x, weight, bias }) => linear(x, weight, bias));
  });

  it("projects by a weight that knows how, and nothing else may use one", () => {
    const numbers = new Numbers(1);
    const [W, left, right] = [[3, 4], [3, 2], [2, 4]].map((shape) => numbers.tensor(shape));
    const weight = new LowRankWeight(W, [{ left, right, scale: 0.5 }]);
    expect(linear(numbers.tensor([2, 4]), weight).shape).toEqual([2, 3]);
    expect(tensorOf({ W }, "W")).toBe(W);
    expect(() => tensorOf({ "a.weight": weight }, "a.weight")).toThrow("a.weight: only linear() can use a weight");
    expect(() => tensorOf({ W }, "b.weight")).toThrow("no parameter is called b.weight");
  });
});
