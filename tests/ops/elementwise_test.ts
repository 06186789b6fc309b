import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import * as ops from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad } from "../../lib/transform/mod.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { bits, expectClose, Numbers } from "../support/numbers.ts";

const values = async (x: Tensor) => Array.from(await x.data());
const slopes = (f: (x: Tensor) => Tensor, x: Tensor) => values(grad((y: Tensor) => ops.sum(f(y)))(x));

/** Numbers of both signs and of all magnitudes that f32 has from one on, by its bits. */
function anyMagnitude(count: number, seed: number, least = 0x800000): Float32Array<ArrayBuffer> {
  const numbers = new Numbers(seed);
  const draw = () => numbers.below(2) * 2 ** 31 + least + numbers.below(0x7f800000 - least);
  return new Float32Array(Uint32Array.from({ length: count }, draw).buffer);
}

describe("functions of whole numbers", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("floor, ceil and round are exact, with halves to the even side and the sign of what they round", async () => {
    const x = Float32Array.of(0.5, 1.5, 2.5, -0.5, -1.5, 0.49999997, 8388607.5, -8388607.5, 1e20, -0.2, 0.2, -0);
    expect(bits(await ops.round(tensor(x)).data())).toEqual(
      bits([0, 2, 2, -0, -2, 0, 8388608, -8388608, Math.fround(1e20), -0, 0, -0]),
    );
    const many = Float32Array.from([...x, ...anyMagnitude(500, 1)]);
    expect(bits(await ops.floor(tensor(many)).data())).toEqual(bits(many.map(Math.floor)));
    expect(bits(await ops.ceil(tensor(many)).data())).toEqual(bits(many.map(Math.ceil)));
  });

  it("rounding leaves integers as they are, and has no derivative", async () => {
    const whole = tensor(Int32Array.of(-3, 4));
    for (const f of [ops.floor, ops.ceil, ops.round]) {
      expect(f(whole)).toBe(whole);
      expect(await slopes((x) => ops.mul(x, f(x)), tensor([1.25, -3]))).toEqual(await values(f(tensor([1.25, -3]))));
      expect(() => f(ops.zeros([1], { dtype: "bool" }))).toThrow(
        `${f.name}: needs f32 or i32 or u32, and got bool [1]`,
      );
    }
  });

  it("mod of f32 is exact for operands of all magnitudes", async () => {
    // Of divisors from 2⁻¹⁰⁰ on, no remainder is subnormal, which devices may take for 0.
    const [a, b] = [anyMagnitude(4000, 2), anyMagnitude(4000, 3, 0x0d800000)];
    const wanted = a.map((x, i) => {
      const rest = x % b[i];
      return rest !== 0 && rest < 0 !== b[i] < 0 ? rest + b[i] : rest;
    });
    const got = await ops.mod(tensor(a), tensor(b)).data();
    const wrong = wanted.findIndex((x, i) => got[i] !== x);
    expect(wrong === -1 ? [] : [a[wrong], b[wrong], got[wrong], wanted[wrong]]).toEqual([]);
  });

  it("mod of integers has the divisor's sign, and leaves what is divided by 0", async () => {
    const low = -(2 ** 31);
    const a = tensor(Int32Array.of(7, -7, 7, -7, 6, 5, low, low, low));
    const b = tensor(Int32Array.of(3, 3, -3, -3, -3, 0, -1, 3, 2147483647));
    expect(await values(ops.mod(a, b))).toEqual([1, 2, -2, -1, 0, 5, 0, 1, 2147483646]);
    const large = tensor(Uint32Array.of(4294967295, 4294967295, 9, 0));
    expect(await values(ops.mod(large, tensor(Uint32Array.of(10, 4294967294, 0, 3))))).toEqual([5, 1, 9, 0]);
    expect(await values(ops.mod(tensor(Int32Array.of(7, -7)), 2.5))).toEqual([2, 0.5]);
  });

  it("log1p and expm1 keep the digits of small numbers, and subnormal ones, and the sign of zero", async () => {
    const small = Float32Array.from([
      1e-30,
      -1e-30,
      1e-10,
      -1e-7,
      1e-4,
      -0.01,
      0.1,
      -0.29,
      0.4,
      0.5,
      -0.69,
      0.99,
      -1.01,
    ]);
    for (const [f, exact] of [[ops.log1p, Math.log1p], [ops.expm1, Math.expm1]] as const) {
      const x = small.filter((value) => value > -1);
      const got = await f(tensor(x)).data();
      const worst = Math.max(...x.map((value, i) => Math.abs(got[i] / exact(value) - 1)));
      expect(worst).toBeLessThan(1e-6);
      const near = x.filter((value) => Math.abs(value) < 0.29);
      const worstNear = Math.max(...near.map((value, i) => Math.abs(got[x.indexOf(near[i])] / exact(value) - 1)));
      expect(worstNear).toBeLessThan(2 ** -22);
      expect(bits(await f(tensor([0, -0])).data())).toEqual(bits([0, -0]));
    }
  });

  it("log, log1p, exp and expm1 join in one kernel", async () => {
    for (const x of [tensor([0.5]), tensor([0.5, 1, 2, 3, 4])]) {
      const y = ops.log(x).add(ops.log1p(x)).add(ops.expm1(ops.exp(x).mul(0.1)));
      const wanted = (await x.data()).map((v) => Math.log(v) + Math.log1p(v) + Math.expm1(Math.exp(v) / 10));
      expectClose(await y.data(), wanted, 1e-5);
    }
  });

  it("adds products of one factor apart, also where it is infinite", async () => {
    const [a, b, c] = [tensor([-1e10, 1, 2, 0.5]), tensor([1.7, -1, 2, 1]), tensor([Infinity, Infinity, 3, NaN])];
    expect(await values(ops.add(ops.mul(a, c), ops.mul(b, c)))).toEqual([NaN, NaN, 12, NaN]);
    expect(await values(ops.add(ops.mul(c, a), ops.mul(b, c)))).toEqual([NaN, NaN, 12, NaN]);
    expect(await values(ops.add(ops.square(c), ops.mul(c, tensor([-1, -1, -1, 1]))))).toEqual([NaN, NaN, 6, NaN]);
    expect(await values(ops.sub(ops.mul(a, c), ops.mul(b, c)))).toEqual([-Infinity, Infinity, 0, NaN]);
  });

  it("clip takes one bound or two, numbers or tensors, and max wins where they cross", async () => {
    const x = tensor([-2, 0.5, NaN, 3]);
    expect(await values(ops.clip(x, { min: 0 }))).toEqual([0, 0.5, NaN, 3]);
    expect(await values(ops.clip(x, { max: tensor([[1], [-1]]) }))).toEqual([-2, 0.5, NaN, 1, -2, -1, NaN, -1]);
    expect(await values(ops.clip(x, { min: 2, max: 1 }))).toEqual([1, 1, NaN, 1]);
    expect(await values(ops.clip(tensor(Int32Array.of(-9, 9)), { min: -1, max: 1 }))).toEqual([-1, 1]);
    expect(await slopes((y) => ops.clip(y, { min: -1, max: 1 }), tensor([-2, -1, 0, 1, 2]))).toEqual([
      0,
      0.5,
      1,
      0.5,
      0,
    ]);
    // A bound that integers do not have makes all f32, the other bound, too.
    const whole = tensor([[3], [200]], { dtype: "u32" });
    const high = tensor([1, 7], { dtype: "u32" });
    const mixed = ops.clip(whole, { min: 2.5, max: high });
    expect([mixed.dtype, await values(mixed)]).toEqual(["f32", [1, 3, 1, 7]]);
    expect(await values(ops.clip(whole, { min: high, max: 6.5 }))).toEqual([3, 6.5, 6.5, 6.5]);
    expect(() => ops.clip(whole, { min: 2, max: x })).toThrow("cast one of them");
    expect(() => ops.clip(x, {})).toThrow("clip: needs `min`, `max` or both");
    expect(() => ops.clip(ops.zeros([1], { dtype: "bool" }), { min: 0 })).toThrow(TypeError);
  });
});
