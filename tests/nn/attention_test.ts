import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { attention } from "../../lib/nn/mod.ts";
import { add, matmul, mul, ones, random, reshape, slice, square, sum, transpose } from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { checkpoint, grad, jit } from "../../lib/transform/mod.ts";
import { checkDerivative, checkValue } from "../support/check_op.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { momentsOf } from "../support/moments.ts";
import { bits, expectClose, Numbers } from "../support/numbers.ts";
import { checkAgainstPyTorch } from "./pytorch.ts";

describe("attention", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

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

  it("has the derivatives of its differences with dropout, of one query and of many keys", async () => {
    const options = { dropout: 0.5, key: random.key(8) };
    for (const [T, S, d] of [[1, 12, 8], [3, 270, 4], [17, 5, 6]]) {
      const numbers = new Numbers(T);
      const inputs = [T, S, S].map((rows) => numbers.tensor([2, 2, rows, d]));
      const f = (q: Tensor, k: Tensor, v: Tensor) => attention(q, k, v, options);
      await checkValue(() => f(...inputs as [Tensor, Tensor, Tensor]));
      await checkDerivative(f as (...inputs: Tensor[]) => Tensor, inputs);
    }
  });

  it("has the same bits under a checkpoint, which computes it again", async () => {
    const numbers = new Numbers(7);
    const mask = tensor([[1, 1, 1, 1, 0]], { dtype: "i32" });
    const [q, k, v] = [1, 2, 3].map(() => numbers.tensor([1, 2, 5, 8]));
    const layer = (q: Tensor, k: Tensor, v: Tensor) =>
      attention(mul(q, 0.5), k, v, { mask, dropout: 0.25, key: random.key(2) });
    const derivatives = (f: typeof layer) => grad(([q, k, v]: Tensor[]) => sum(square(f(q, k, v))))([q, k, v]);
    const bitsOf = async (x: Tensor) => bits(await x.data());
    const [kept, again] = [derivatives(layer), derivatives(checkpoint(layer))];
    for (const [i, x] of kept.entries()) expect(await bitsOf(again[i])).toEqual(await bitsOf(x));
  });

  it("takes one dispatch between projections, which are read and written where they lie", async () => {
    const [B, H, T, d] = [2, 3, 16, 8];
    const numbers = new Numbers(1);
    const [x, w, mask] = [
      numbers.tensor([B * T, H * d]),
      numbers.tensor([H * d, H * d]),
      ones([B, T], { dtype: "i32" }),
    ];
    const split = (y: Tensor) => transpose(reshape(y, [B, T, H, d]), [0, 2, 1, 3]);
    const layer = (x: Tensor, w: Tensor) => {
      const y = split(matmul(x, w));
      const mixed = attention(y, y, y, { mask, dropout: 0.1, key: random.key(1) });
      return matmul(reshape(transpose(mixed, [0, 2, 1, 3]), [B * T, H * d]), w);
    };
    const step = jit(layer);
    (await step(x, w)).dispose();
    expect(step.plans()[0].dispatches).toHaveLength(3);
    step.dispose();
  });
});
