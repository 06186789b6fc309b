import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import * as ops from "../../lib/ops/mod.ts";
import { reference } from "../../lib/ops/reference.ts";
import { type DType, type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { deviceIdle, testDevice } from "../support/device.ts";

const i32 = (...numbers: number[]) => tensor(Int32Array.from(numbers));
const u32 = (...numbers: number[]) => tensor(Uint32Array.from(numbers));

/** Dtype and elements, on the device and by the reference. */
async function expectNumbers(make: () => Tensor, dtype: DType, wanted: readonly number[]): Promise<void> {
  const x = make();
  expect([x.dtype, Array.from(await x.data())]).toEqual([dtype, wanted]);
  expect(Array.from(reference(make()).data)).toEqual(wanted);
}

describe("numbers beside integer tensors", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("keep the dtype where it has such a number, and make the result f32 where it has not", async () => {
    const i = i32(1, 2, 3);
    await expectNumbers(() => ops.mul(i, 3), "i32", [3, 6, 9]);
    await expectNumbers(() => ops.add(-1, i), "i32", [0, 1, 2]);
    await expectNumbers(() => ops.mul(i, 0.5), "f32", [0.5, 1, 1.5]);
    await expectNumbers(() => ops.sub(2.5, i), "f32", [1.5, 0.5, -0.5]);
    await expectNumbers(() => ops.div(i, 2), "i32", [0, 1, 1]);
    await expectNumbers(() => ops.div(i, 0.5), "f32", [2, 4, 6]);
    await expectNumbers(() => ops.minimum(i, Infinity), "f32", [1, 2, 3]);
    await expectNumbers(() => ops.maximum(i, -Infinity), "f32", [1, 2, 3]);
    await expectNumbers(() => ops.maximum(i, NaN), "f32", [NaN, NaN, NaN]);
    await expectNumbers(() => ops.minimum(i, 2 ** 40), "f32", [1, 2, 3]);
    await expectNumbers(() => ops.maximum(u32(1, 2), -1), "f32", [1, 2]);
    await expectNumbers(() => ops.add(u32(1, 2), -1), "f32", [0, 1]);
    const c = () => ops.greater(i, 1);
    await expectNumbers(() => ops.where(c(), i, 7), "i32", [7, 2, 3]);
    await expectNumbers(() => ops.where(c(), i, NaN), "f32", [NaN, 2, 3]);
    await expectNumbers(() => ops.where(c(), 0.5, i), "f32", [1, 0.5, 0.5]);
  });

  it("are compared exactly, whatever they are", async () => {
    const compare = { equal: ops.equal, notEqual: ops.notEqual, less: ops.less, lessEqual: ops.lessEqual };
    const rules = { ...compare, greater: ops.greater, greaterEqual: ops.greaterEqual };
    const exact: Record<keyof typeof rules, (a: number, b: number) => boolean> = {
      equal: (a, b) => a === b,
      notEqual: (a, b) => a !== b,
      less: (a, b) => a < b,
      lessEqual: (a, b) => a <= b,
      greater: (a, b) => a > b,
      greaterEqual: (a, b) => a >= b,
    };
    const [high, low] = [2 ** 31 - 1, -(2 ** 31)];
    const numbers = [2.5, -2.5, 1.5, 2, -0.5, NaN, Infinity, -Infinity, high, low, high + 0.5, low - 0.5, 2 ** 32, -1];
    for (
      const make of [() => i32(low, -2, 0, 1, 2, 3, 2 ** 24 + 1, high), () => u32(0, 1, 2, 3, 2 ** 31, 2 ** 32 - 1)]
    ) {
      const elements = Array.from(await make().data());
      for (const name of Object.keys(rules) as (keyof typeof rules)[]) {
        const [x, parts] = [make(), numbers.flatMap((c) => [c, c + 0])];
        const after = ops.stack(parts.map((c) => rules[name](x, c)));
        const before = ops.stack(parts.map((c) => rules[name](c, x)));
        const wanted = (f: (e: number, c: number) => boolean) =>
          parts.flatMap((c) => elements.map((e) => Number(f(e, c))));
        expect(Array.from(await after.data())).toEqual(wanted(exact[name]));
        expect(Array.from(await before.data())).toEqual(wanted((e, c) => exact[name](c, e)));
      }
    }
  });

  it("beside bool are 0 or 1, are refused, or compare as they are", async () => {
    const x = tensor([true, false]);
    await expectNumbers(() => ops.equal(x, 1), "bool", [1, 0]);
    await expectNumbers(() => ops.equal(x, 2), "bool", [0, 0]);
    await expectNumbers(() => ops.notEqual(x, 0.5), "bool", [1, 1]);
    await expectNumbers(() => ops.where(x, x, 0), "bool", [1, 0]);
    expect(() => ops.where(x, x, 2)).toThrow('where: 2 is no bool, and stands beside one: cast(x, "f32") the tensor');
    expect(() => ops.add(x, 1)).toThrow("add: needs f32 or i32 or u32, and got bool [2]");
    expect(() => ops.mul(x, 0.5)).toThrow("mul: needs f32 or i32 or u32, and got bool [2]");
    expect(() => ops.pow(i32(2), 0.5)).toThrow("pow: needs f32, and got i32 [1]");
  });

  it("integers wrap, and are divided by 0, alike on the device and by the reference", async () => {
    const [high, low] = [2 ** 31 - 1, -(2 ** 31)];
    await expectNumbers(() => ops.add(i32(high, 5), i32(1, 5)), "i32", [low, 10]);
    await expectNumbers(() => ops.mul(i32(high, 123456789), i32(high, 987654321)), "i32", [
      1,
      Math.imul(123456789, 987654321),
    ]);
    await expectNumbers(() => ops.sub(u32(0, 5), u32(1, 2)), "u32", [2 ** 32 - 1, 3]);
    await expectNumbers(() => ops.div(i32(7, -7, 7, low), i32(2, 2, 0, -1)), "i32", [3, -3, 7, low]);
    await expectNumbers(() => ops.div(u32(7, 2 ** 32 - 1), u32(0, 2)), "u32", [7, high]);
    await expectNumbers(() => ops.neg(i32(low, 1)), "i32", [low, -1]);
    await expectNumbers(() => ops.abs(i32(low, -1)), "i32", [low, 1]);
    await expectNumbers(() => ops.sum(i32(high, high, 3)), "i32", [1]);
    await expectNumbers(() => ops.cast(i32(-1, 5), "u32"), "u32", [2 ** 32 - 1, 5]);
    await expectNumbers(() => ops.cast(u32(2 ** 32 - 1, 5), "i32"), "i32", [-1, 5]);
    await expectNumbers(() => ops.full([2], 2.7, { dtype: "i32" }), "i32", [2, 2]);
  });

  it("floats become the nearest integer there is, cut towards zero, and NaN 0", async () => {
    const x = () =>
      tensor([NaN, Infinity, -Infinity, 2.9, -2.9, 2147483520, 2 ** 31, -(2 ** 31), 4294967040, 2 ** 32, -0.5]);
    const [high, low] = [2 ** 31 - 1, -(2 ** 31)];
    await expectNumbers(() => ops.cast(x(), "i32"), "i32", [0, high, low, 2, -2, 2147483520, high, low, high, high, 0]);
    const most = 2 ** 32 - 1;
    await expectNumbers(() => ops.cast(x(), "u32"), "u32", [
      0,
      most,
      0,
      2,
      0,
      2147483520,
      2 ** 31,
      0,
      4294967040,
      most,
      0,
    ]);
    await expectNumbers(() => ops.cast(x(), "bool"), "bool", [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
  });

  it("isNaN and isFinite say so of floats, and of integers, which are finite", async () => {
    const x = () => tensor([NaN, Infinity, -Infinity, 0, -0, 3e38, 1e-40]);
    await expectNumbers(() => ops.isNaN(x()), "bool", [1, 0, 0, 0, 0, 0, 0]);
    await expectNumbers(() => ops.isFinite(x()), "bool", [0, 0, 0, 1, 1, 1, 1]);
    await expectNumbers(() => ops.isNaN(i32(1, 2)), "bool", [0, 0]);
    await expectNumbers(() => ops.isFinite(i32(1, 2)), "bool", [1, 1]);
    await expectNumbers(() => ops.isNaN(ops.cast(x(), "f16")), "bool", [1, 0, 0, 0, 0, 0, 0]);
  });

  it("a number is the f32 next to it, in comparisons too, and infinite where there is none", async () => {
    const x = () => tensor([0.1, 3e38, Infinity]);
    await expectNumbers(() => ops.equal(x(), 0.1), "bool", [1, 0, 0]);
    await expectNumbers(() => ops.greaterEqual(x(), 1e39), "bool", [0, 0, 1]);
    await expectNumbers(() => ops.mul(tensor([0, 1]), 1e39), "f32", [NaN, Infinity]);
  });

  it("NaN, infinities and −0 stay apart as numbers in one graph", async () => {
    const x = ops.concat([NaN, Infinity, -Infinity, 0, -0].map((value) => ops.full([1], value)));
    const got = Array.from(await x.data());
    expect(got.map((value) => Object.is(value, -0) ? "-0" : String(value))).toEqual([
      "NaN",
      "Infinity",
      "-Infinity",
      "0",
      "-0",
    ]);
  });
});
