import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { useDevice } from "../../lib/compile/open_device.ts";
import type { Device } from "../../lib/device/mod.ts";
import { broadcastTo, random, zeros } from "../../lib/ops/mod.ts";
import { reference } from "../../lib/ops/reference.ts";
import { threefryReference } from "../../lib/ops/random.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { everyDevice } from "../support/devices.ts";
import { momentsOf } from "../support/moments.ts";
import { vmap } from "../../lib/transform/mod.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { expectClose, Numbers } from "../support/numbers.ts";

const SIZES = [1, 7, 63, 64, 65, 257];
const DRAWS = 2 ** 16;

/** Σ (counted − expected)² / expected. */
function chiSquared(counts: readonly number[], expected: readonly number[]): number {
  return counts.reduce((sum, count, i) => sum + (count - expected[i]) ** 2 / expected[i], 0);
}

/** How often each of the numbers from 0 on was drawn. */
function countsOf(drawn: ArrayLike<number>, kinds: number): number[] {
  const counts = new Array<number>(kinds).fill(0);
  for (const kind of Array.from(drawn)) counts[kind]++;
  return counts;
}

describe("draws of whole numbers", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("are equally frequent, whatever the range", async () => {
    // χ² lies below its 99.9th percentile in 999 of 1,000 draws; keys are fixed.
    for (const [min, kinds, limit] of [[0, 10, 27.9], [-3, 7, 22.5], [5, 100, 149]]) {
      const draw = random.integers(random.key(kinds), [20_000], { min, max: min + kinds });
      expect(draw.dtype).toBe("i32");
      const counts = countsOf((await draw.data()).map((x) => x - min), kinds);
      expect(chiSquared(counts, counts.map(() => 20_000 / kinds))).toBeLessThan(limit);
    }
  });

  it("fill their range to its ends", async () => {
    for (const [min, max] of [[-(2 ** 31), 2 ** 31], [-(2 ** 31), 2 ** 31 - 1], [-1, 2 ** 31]]) {
      const draw = Array.from(await random.integers(random.key(3), [4096], { min, max }).data());
      const share = (Math.max(...draw) - Math.min(...draw)) / (max - min);
      expect(draw.every((x) => Number.isInteger(x) && x >= min && x < max)).toBe(true);
      expect(share).toBeGreaterThan(0.99);
    }
    expect(Array.from(await random.integers(random.key(0), [3], { min: 7, max: 8 }).data())).toEqual([7, 7, 7]);
    expect(random.integers(random.key(0), [0], { max: 8 }).shape).toEqual([0]);
  });

  it("of categories are as frequent as their softmax, rare ones too, along any axis", async () => {
    const shares = [0.5, 0.3, 0.15, 0.049, 0.001];
    const logits = broadcastTo(tensor(shares.map((p) => Math.log(p) + 3)), [40_000, 5]);
    const columns = [
      random.categorical(random.key(1), logits),
      random.categorical(random.key(2), logits.transpose(), { axis: 0 }),
    ];
    for (const draw of columns) {
      expect([draw.dtype, draw.shape]).toEqual(["i32", [40_000]]);
      const counts = countsOf(await draw.data(), 5);
      expect(chiSquared(counts, shares.map((p) => p * 40_000))).toBeLessThan(18.5);
    }
  });

  it("never draw a category of −∞, and each of many in its turn", async () => {
    const none = broadcastTo(tensor([-Infinity, 0, -Infinity, -80]), [10_000, 4]);
    expect(new Set(await random.categorical(random.key(4), none).data())).toEqual(new Set([1]));
    const counts = countsOf(await random.categorical(random.key(5), zeros([20_000, 50])).data(), 50);
    expect(chiSquared(counts, counts.map(() => 400))).toBeLessThan(85.4);
  });

  it("of orders give each of them equally often, and of a tensor its parts", async () => {
    const numbers = new Numbers(9);
    const keys = tensor(Uint32Array.from({ length: 9600 }, () => numbers.below(2 ** 32)), { shape: [4800, 2] });
    const orders = await vmap((key: Tensor) => random.permutation(key, 4))(keys).data();
    const found = new Map<string, number>();
    for (let i = 0; i < 4800; i++) {
      const name = orders.subarray(4 * i, 4 * i + 4).join();
      found.set(name, (found.get(name) ?? 0) + 1);
    }
    expect(found.size).toBe(24);
    expect(chiSquared([...found.values()], new Array(24).fill(200))).toBeLessThan(49.7);
    for (const n of [0, 1, 1000, 5000]) {
      const order = Array.from(await random.permutation(random.key(n), n).data());
      expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      if (n > 1) expect(order).not.toEqual(order.toSorted((a, b) => a - b));
    }
    const x = tensor([[1, 2, 3], [4, 5, 6]]);
    const order = Array.from(await random.permutation(random.key(8), 3).data());
    const wanted = [...order.map((i) => i + 1), ...order.map((i) => i + 4)];
    expect(Array.from(await random.permutation(random.key(8), x, { axis: 1 }).data())).toEqual(wanted);
  });

  it("refuse bounds, axes and counts that are none", () => {
    const key = random.key(0);
    const bounds = "random.integers: draws from whole numbers in [-2^31, 2^31), not from [";
    expect(() => random.integers(key, [1], { max: 0 })).toThrow(`${bounds}0, 0)`);
    expect(() => random.integers(key, [1], { min: 0.5, max: 2 })).toThrow(`${bounds}0.5, 2)`);
    expect(() => random.integers(key, [1], { max: 2 ** 31 + 1 })).toThrow(bounds);
    expect(() => random.categorical(key, zeros([2, 0]))).toThrow("random.categorical: an empty axis of [2, 0]");
    expect(() => random.categorical(key, zeros([2]), { axis: 1 })).toThrow("random.categorical: axis 1");
    expect(() => random.categorical(key, zeros([2], { dtype: "i32" }))).toThrow(TypeError);
    expect(() => random.permutation(key, -1)).toThrow("random.permutation: the number of positions");
    expect(() => random.permutation(key, zeros([]))).toThrow("random.permutation: axis 0");
    expect(() => random.permutation(zeros([2]), 2)).toThrow("needs a key");
  });
});

describe("random numbers", () => {
  let devices: readonly Device[];
  beforeAll(async () => {
    devices = await everyDevice();
    useDevice(devices[0]);
  });
  afterAll(() => devices.forEach((device) => device.destroy()));

  /** Computes the same on every device. */
  async function onEach(make: () => Tensor): Promise<number[][]> {
    const found: number[][] = [];
    for (const device of devices) {
      useDevice(device);
      found.push(Array.from(await make().data()));
    }
    useDevice(devices[0]);
    return found;
  }

  for (const size of SIZES) {
    it(`are threefry's, and the same on every device: ${size} of them`, async () => {
      const key = () => random.key(2 ** 40 + 5);
      const words = Array.from({ length: size }, (_, i) => threefryReference(2 ** 8, 5, i, 0));
      const units = words.map(([word]) => (word >>> 8) / 2 ** 24);
      for (const got of await onEach(() => random.uniform(key(), [size]))) expect(got).toEqual(units);
      for (const got of await onEach(() => random.bernoulli(key(), 0.3, [size]))) {
        expect(got).toEqual(units.map((unit) => Number(unit < Math.fround(0.3))));
      }
    });
  }

  it("have keys that are the same integers on every device, split or folded", async () => {
    const children = random.split(random.key(9), 5);
    for (let i = 0; i < 5; i++) {
      const wanted = Array.from(threefryReference(0, 9, i, 1));
      for (const got of await onEach(() => random.split(random.key(9), 5)[i])) expect(got).toEqual(wanted);
      expect(Array.from(await children[i].data())).toEqual(wanted);
      for (const got of await onEach(() => random.foldIn(random.key(9), i))) {
        expect(got).toEqual(Array.from(threefryReference(0, 9, i, 2)));
      }
    }
  });

  it("are normal to what WGSL promises of logarithms and cosines, on every device", async () => {
    const draw = () => random.normal(random.key(4), [257], { mean: 1, std: 3 });
    const wanted = reference(draw()).data;
    // 2⁻¹¹ of a cosine, times a radius of at most √(2·24·ln 2) and the spread.
    for (const got of await onEach(draw)) expectClose(got, wanted, 3 * 6 * 2 ** -11);
  });

  it("do not depend on the shape, only on the position", async () => {
    const key = random.key(6);
    const flat = await random.uniform(key, [60]).data();
    expect(await random.uniform(key, [3, 4, 5]).data()).toEqual(flat);
    expect(await random.uniform(key, [20]).data()).toEqual(flat.slice(0, 20));
  });

  it("fold in a step that is a tensor as one that is a number", async () => {
    const key = random.key(7);
    for (const step of [0, 1, 1000]) {
      const data = await random.foldIn(key, step).data();
      expect(await random.foldIn(key, tensor(step, { dtype: "i32" })).data()).toEqual(data);
    }
  });

  it("are uniform: mean, variance, range and neighbours", async () => {
    const data = Array.from(await random.uniform(random.key(1), [DRAWS], { min: -1, max: 3 }).data());
    const { mean, variance } = momentsOf(data);
    expect(Math.abs(mean - 1)).toBeLessThan(4 * Math.sqrt(16 / 12 / DRAWS));
    expect(Math.abs(variance - 16 / 12)).toBeLessThan(4 * Math.sqrt(256 / 180 / DRAWS));
    expect(Math.min(...data)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...data)).toBeLessThan(3);
    for (const distance of [1, 2, 64, 256]) {
      const products = data.slice(distance).map((x, i) => (x - 1) * (data[i] - 1));
      expect(Math.abs(momentsOf(products).mean)).toBeLessThan(4 * (16 / 12) / Math.sqrt(products.length));
    }
  });

  it("fall into equal parts equally often: χ² of 64", async () => {
    const data = await random.uniform(random.key(2), [DRAWS]).data();
    const counts = new Array<number>(64).fill(0);
    for (const x of data) counts[Math.floor(x * 64)]++;
    const expected = DRAWS / 64;
    const chi = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 63 degrees of freedom: mean 63, spread √126.
    expect(Math.abs(chi - 63)).toBeLessThan(4 * Math.sqrt(126));
  });

  it("are normal: the first four moments, and the tails", async () => {
    const data = Array.from(await random.normal(random.key(3), [DRAWS]).data());
    const { mean, variance } = momentsOf(data);
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(DRAWS));
    expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / DRAWS));
    expect(Math.abs(momentsOf(data.map((x) => x ** 3)).mean)).toBeLessThan(4 * Math.sqrt(15 / DRAWS));
    expect(Math.abs(momentsOf(data.map((x) => x ** 4)).mean - 3)).toBeLessThan(4 * Math.sqrt(96 / DRAWS));
    const beyond = data.filter((x) => Math.abs(x) > 1.959964).length / DRAWS;
    expect(Math.abs(beyond - 0.05)).toBeLessThan(4 * Math.sqrt(0.05 * 0.95 / DRAWS));
    expect(data.every(Number.isFinite)).toBe(true);
  });

  it("are true with their probability, which may be 0, 1 or a tensor", async () => {
    const coins = Array.from(await random.bernoulli(random.key(5), 0.2, [DRAWS]).data());
    expect(Math.abs(momentsOf(coins).mean - 0.2)).toBeLessThan(4 * Math.sqrt(0.16 / DRAWS));
    expect((await random.bernoulli(random.key(5), 0, [1000]).data()).every((coin) => coin === 0)).toBe(true);
    expect((await random.bernoulli(random.key(5), 1, [1000]).data()).every((coin) => coin === 1)).toBe(true);
    const rows = Array.from(await random.bernoulli(random.key(5), tensor([[0], [1]]), [2, 5]).data());
    expect(rows).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
  });

  it("of keys that were split do not depend on each other", async () => {
    const [a, b] = random.split(random.key(8));
    const [x, y] = [await random.normal(a, [DRAWS]).data(), await random.normal(b, [DRAWS]).data()];
    const products = Array.from(x, (value, i) => value * y[i]);
    expect(Math.abs(momentsOf(products).mean)).toBeLessThan(4 / Math.sqrt(DRAWS));
  });

  it("need a seed that is one, and a key that is one", () => {
    for (const seed of [-1, 0.5, 2 ** 53, NaN]) {
      expect(() => random.key(seed)).toThrow(`random.key: a seed is a whole number from 0 to 2^53 - 1, not ${seed}`);
    }
    for (const wrong of [tensor([1, 2]), tensor(Uint32Array.of(1, 2, 3)), tensor(Int32Array.of(1, 2))]) {
      expect(() => random.uniform(wrong, [3])).toThrow("random: needs a key as random.key(seed) makes it");
    }
  });
});
