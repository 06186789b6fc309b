import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { dropout } from "../../lib/nn/mod.ts";
import { random, sum } from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { expectClose, Numbers } from "../support/numbers.ts";

describe("dropout", () => {
  beforeAll(async () => void await testDevice());

  it("keeps the expectation, and drops the share that it is told", async () => {
    const x = new Numbers(1).tensor([64, 256], { min: 1, max: 2 });
    const data = await x.data();
    for (const rate of [0.1, 0.5, 0.9]) {
      const dropped = await dropout(x, { rate, key: random.key(7) }).data();
      const kept = Array.from(dropped, (value, i) => value === 0 ? 0 : value / data[i]);
      const share = kept.filter((factor) => factor !== 0).length / kept.length;
      expect(Math.abs(share - (1 - rate))).toBeLessThan(4 * Math.sqrt(rate * (1 - rate) / kept.length));
      expectClose(
        kept.filter((factor) => factor !== 0).slice(0, 100),
        new Float64Array(100).fill(1 / (1 - rate)),
        1e-6,
      );
    }
  });

  it("does nothing without a key or at rate 0", () => {
    const x = tensor([1, 2]);
    expect(dropout(x, { rate: 0.5 })).toBe(x);
    expect(dropout(x, { rate: 0, key: random.key(0) })).toBe(x);
  });

  it("draws the same mask from the same key, another one from another, and the same for its derivative", async () => {
    const x = new Numbers(2).tensor([500], { min: 1, max: 2 });
    const draw = (seed: number) => dropout(x, { rate: 0.5, key: random.key(seed) }).data();
    const [first, again, other] = [await draw(1), await draw(1), await draw(2)];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    const slope = await grad((y: Tensor) => sum(dropout(y, { rate: 0.5, key: random.key(1) })))(x).data();
    expect(Array.from(slope)).toEqual(Array.from(first, (value) => value === 0 ? 0 : 2));
  });

  it("refuses rates outside of [0, 1)", () => {
    for (const rate of [-0.1, 1, NaN]) {
      expect(() => dropout(tensor([1]), { rate })).toThrow(`dropout: a rate lies in [0, 1), not ${rate}`);
    }
  });
});
