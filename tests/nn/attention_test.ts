import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { attention } from "../../lib/nn/mod.ts";
import { add, mul, random, slice, sum } from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad } from "../../lib/transform/mod.ts";
import { checkDerivative, checkValue } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { momentsOf } from "../support/moments.ts";
import { bits, expectClose, Numbers } from "../support/numbers.ts";
import { checkAgainstPyTorch } from "./pytorch.ts";

describe("attention", () => {
  beforeAll(async () => void await testDevice());

  for (const [name, causal] of [["", false], [".padding", false], [".causal", true], [".both", true]] as const) {
    it(`with ${name.slice(1) || "no"} mask has PyTorch's values and derivatives`, async () => {
      await checkAgainstPyTorch(`attention${name}`, ({ q, k, v, mask }) => attention(q, k, v, { mask, causal }));
    });
  }

  it("has the derivatives of its differences under both masks, in odd sizes", async () => {
    const numbers = new Numbers(2);
    const mask = tensor([[1, 1, 1, 0, 1, 0, 0], [1, 1, 1, 1, 1, 1, 1]], { dtype: "i32" });
    const inputs = [[2, 3, 5, 3], [2, 3, 7, 3], [2, 3, 7, 3]].map((shape) => numbers.tensor(shape));
    const f = (q: Tensor, k: Tensor, v: Tensor) => attention(q, k, v, { mask, causal: true });
    await checkValue(() => f(...inputs as [Tensor, Tensor, Tensor]));
    await checkDerivative(f as (...inputs: Tensor[]) => Tensor, inputs);
  });

  it("does not see what stands behind a mask, not even a bit of it", async () => {
    const numbers = new Numbers(3);
    const mask = tensor([[1, 1, 1, 0, 0]], { dtype: "i32" });
    const [q, k, v] = [1, 2, 3].map(() => numbers.tensor([1, 2, 5, 4]));
    const there = tensor([[[[1], [1], [1], [0], [0]]]]);
    const behind = mul(numbers.tensor([1, 2, 5, 4], { min: -50, max: 50 }), add(mul(there, -1), 1));
    const other = (x: Tensor) => add(mul(x, there), behind);
    const seen = bits(await attention(q, mul(k, there), mul(v, there), { mask }).data());
    expect(bits(await attention(q, other(k), other(v), { mask }).data())).toEqual(seen);
  });

  it("gives with a cache of earlier keys the last rows of what it gives without one", async () => {
    const numbers = new Numbers(4);
    const [q, k, v] = [1, 2, 3].map(() => numbers.tensor([2, 2, 6, 4]));
    const whole = attention(q, k, v, { causal: true });
    const last = (x: Tensor) => slice(x, { start: [0, 0, 4, 0], size: [2, 2, 2, 4] });
    expectClose(await attention(last(q), k, v, { causal: true }).data(), await last(whole).data(), 1e-6);
  });

  it("stays finite where a row is masked whole", async () => {
    const numbers = new Numbers(5);
    const [q, k, v] = [1, 2, 3].map(() => numbers.tensor([1, 1, 3, 4]));
    const mask = tensor([[0, 0, 0]], { dtype: "i32" });
    const f = (x: Tensor) => sum(attention(x, k, v, { mask, causal: true }));
    expect((await attention(q, k, v, { mask }).data()).every(Number.isFinite)).toBe(true);
    expect((await grad(f)(q).data()).every(Number.isFinite)).toBe(true);
  });

  it("drops weights out where there is a key, and nothing without one", async () => {
    const numbers = new Numbers(6);
    const [q, k] = [1, 2].map(() => numbers.tensor([1, 2, 16, 4]));
    const v = tensor(new Float32Array(2 * 16 * 4).fill(1), { shape: [1, 2, 16, 4] });
    const plain = await attention(q, k, v).data();
    expect(await attention(q, k, v, { dropout: 0.5 }).data()).toEqual(plain);
    const dropped = await attention(q, k, v, { dropout: 0.5, key: random.key(1) }).data();
    expect(new Set(dropped).size).toBeGreaterThan(16);
    // Rows of weights sum to 1 only before they are dropped, and in the mean after it.
    expect(Math.abs(momentsOf(dropped).mean - 1)).toBeLessThan(0.25);
  });
});
