import { beforeAll, describe, it } from "@std/testing/bdd";
import { add, gelu, matmul, mul, normalize, softmax, tanh } from "../../../lib/ops/mod.ts";
import type { Tensor } from "../../../lib/tensor/mod.ts";
import { checkDerivative, checkValue } from "../../support/check_op.ts";
import { testDevice } from "../../support/device.ts";
import { Numbers } from "../../support/numbers.ts";

/** A kernel's result joined with what the kernel was given: the input must be there before, and not only beside it. */
const RESIDUALS: Readonly<Record<string, (x: Tensor, W: Tensor) => Tensor>> = {
  "softmax times its input": (x) => {
    const y = tanh(x);
    return mul(softmax(y), y);
  },
  "a product plus its input": (x, W) => {
    const y = gelu(x);
    return add(matmul(y, W), y);
  },
  "norms plus their inputs, twice": (x) => {
    const y = add(normalize(tanh(x)), tanh(x));
    return add(normalize(y), y);
  },
};

describe("a kernel with the work that follows it", () => {
  beforeAll(async () => void await testDevice());

  for (const [name, f] of Object.entries(RESIDUALS)) {
    for (const n of [4, 7, 64]) {
      it(`gives ${name}, ${n} wide, as float64 does`, async () => {
        const numbers = new Numbers(n);
        const inputs = [numbers.tensor([5, n]), numbers.tensor([n, n], { min: -0.5, max: 0.5 })];
        await checkValue(() => f(inputs[0], inputs[1]));
        await checkDerivative(f as (...inputs: Tensor[]) => Tensor, inputs);
      });
    }
  }
});
