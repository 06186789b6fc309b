import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { add, gelu, matmul, mul, normalize, softmax, tanh } from "../../../lib/ops/mod.ts";
import type { Tensor } from "../../../lib/tensor/mod.ts";
import { jit } from "../../../lib/transform/mod.ts";
import { checkDerivative, checkValue } from "../../support/check_op.ts";
import { testDevice } from "../../support/device.ts";
import { bits, Numbers } from "../../support/numbers.ts";

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

  for (const [m, n, k] of [[33, 36, 8], [33, 35, 8], [5, 4, 4], [70, 132, 12]]) {
    it(`adds to ${m}×${n} what all rows have in common, and what each row has, with the bits of the single steps`, async () => {
      const numbers = new Numbers(m + n);
      const [x, W, bias, factor] = [[3, m, k], [n, k], [n], []].map((shape) => numbers.tensor(shape));
      const [ofCells, ofRows, rest] = [[3, 1, n], [3, m, 1], [3, m, n]].map((shape) => numbers.tensor(shape));
      const weights = numbers.tensor([3, n, k]);
      // By one matrix, and by one of each cell.
      for (const [right, own] of [[W, bias], [weights, ofCells]]) {
        const product = jit((x: Tensor, W: Tensor) => matmul(x, W, { transposeB: true }));
        const work = (y: Tensor) => add(mul(add(y, own), factor), mul(ofRows, rest));
        const apart = jit(work)(await product(x, right));
        const together = jit((x: Tensor, W: Tensor) => work(matmul(x, W, { transposeB: true })))(x, right);
        const [a, b] = await Promise.all([apart, together].map(async (y) => bits(await (await y).data())));
        expect(b).toEqual(a);
      }
    });
  }
});
