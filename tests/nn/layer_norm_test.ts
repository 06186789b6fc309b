import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { layerNorm } from "../../lib/nn/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { checkDerivative, checkValue } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { momentsOf } from "../support/moments.ts";
import { Numbers } from "../support/numbers.ts";
import { checkAgainstPyTorch } from "./pytorch.ts";

describe("layerNorm", () => {
  beforeAll(async () => void await testDevice());

  it("has PyTorch's values and derivatives", async () => {
    await checkAgainstPyTorch("layerNorm", ({ x, weight, bias }) => layerNorm(x, weight, bias, { epsilon: 1e-12 }));
  });

  for (const n of [1, 7, 64, 257]) {
    it(`over ${n} elements is what float64 gives, and has the derivatives of its differences`, async () => {
      const numbers = new Numbers(n);
      const inputs = [[3, n], [n], [n]].map((shape) => numbers.tensor(shape));
      const f = (...[x, weight, bias]: Tensor[]) => layerNorm(x, weight, bias, { epsilon: 0.1 });
      await checkValue(() => f(...inputs));
      await checkDerivative(f, inputs);
    });
  }

  it("gives mean 0 and variance 1 also far from 0", async () => {
    const x = new Numbers(9).tensor([2, 512], { min: 1000, max: 1004 });
    const [one, zero] = [tensor(new Float32Array(512).fill(1)), tensor(new Float32Array(512))];
    const data = await layerNorm(x, one, zero).data();
    for (const row of [data.slice(0, 512), data.slice(512)]) {
      const { mean, variance } = momentsOf(row);
      expect(Math.abs(mean)).toBeLessThan(1e-3);
      expect(Math.abs(variance - 1)).toBeLessThan(1e-3);
    }
  });
});
