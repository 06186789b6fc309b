import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import * as ops from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad, jit } from "../../lib/transform/mod.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { bits, expectClose, Numbers } from "../support/numbers.ts";

const { zeros, ones } = ops;
const values = async (x: Tensor) => Array.from(await x.data());
const slopes = (f: (x: Tensor) => Tensor, x: Tensor) => values(grad((y: Tensor) => ops.sum(f(y)))(x));
const DTYPES = ["f32", "i32", "u32", "bool"] as const;

describe("cumulativeSum()", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("wraps integers, counts bool as i32, and lets infinities and NaN reach only what follows them", async () => {
    const most = tensor(Int32Array.of(2147483647, 1, -5));
    expect(await values(ops.cumulativeSum(most))).toEqual([2147483647, -2147483648, 2147483643]);
    expect(await values(ops.cumulativeSum(tensor(Uint32Array.of(4294967295, 2))))).toEqual([4294967295, 1]);
    const counted = ops.cumulativeSum(tensor([1, 0, 1], { dtype: "bool" }), { reverse: true });
    expect([counted.dtype, await values(counted)]).toEqual(["i32", [2, 1, 1]]);
    for (const n of [5, 300, 5000]) {
      const row = Float32Array.from({ length: n }, (_, i) => i === n - 3 ? Infinity : i === n - 1 ? -Infinity : 1);
      const got = await ops.cumulativeSum(tensor(row)).data();
      expect(Array.from(got.subarray(n - 4))).toEqual([n - 3, Infinity, Infinity, NaN]);
      const back = await ops.cumulativeSum(tensor(row), { reverse: true }).data();
      expect(Array.from(back.subarray(n - 4))).toEqual([NaN, NaN, -Infinity, -Infinity]);
    }
  });

  it("of a row has the bits that it has among others, and long rows take linear work", async () => {
    const x = new Numbers(7).tensor([3, 70000]);
    const all = await ops.cumulativeSum(x).data();
    const row = ops.select(x, { axis: 0, index: 1 });
    expect(bits(await ops.cumulativeSum(row).data())).toEqual(bits(all.subarray(70000, 140000)));
    const step = jit((y: Tensor) => ops.cumulativeSum(y));
    await step(x);
    const [{ dispatches }] = step.plans();
    // Rows in blocks; sums of the 69 blocks; and the sums of those before.
    expect(dispatches.length).toBe(3);
    step.dispose();
  });

  it("of nothing is empty, and refuses what it cannot sum", async () => {
    for (const shape of [[0], [0, 3], [3, 0]]) {
      expect(ops.cumulativeSum(zeros(shape)).shape).toEqual(shape);
      expect(await values(ops.cumulativeSum(zeros(shape), { axis: 0 }))).toEqual([]);
      expect(await slopes((x) => ops.cumulativeSum(x), zeros(shape))).toEqual([]);
    }
    expect(() => ops.cumulativeSum(tensor(1))).toThrow("cumulativeSum: axis -1 does not exist in a tensor of rank 0");
    expect(() => ops.cumulativeSum(zeros([2]), { axis: 1 })).toThrow(RangeError);
    expect(() => ops.cumulativeSum(zeros([2], { dtype: "f16" }))).toThrow(TypeError);
  });
});

describe("tril(), triu(), roll(), tile() and pad()", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("triangles drop what is on the other side, NaN too, of every dtype and along every diagonal", async () => {
    const x = tensor([[1, NaN, 3], [NaN, 5, Infinity]]);
    expect(await values(ops.tril(x))).toEqual([1, 0, 0, NaN, 5, 0]);
    expect(await values(ops.triu(x))).toEqual([1, NaN, 3, 0, 5, Infinity]);
    expect(await values(ops.tril(x, { diagonal: -2 }))).toEqual([0, 0, 0, 0, 0, 0]);
    expect(await values(ops.triu(x, { diagonal: 2 }))).toEqual([0, 0, 3, 0, 0, 0]);
    expect(await values(ops.triu(x, { diagonal: -1e12 }))).toEqual(await values(x));
    for (const dtype of DTYPES) {
      expect(await values(ops.tril(ones([2, 2, 2], { dtype })))).toEqual([1, 0, 1, 1, 1, 0, 1, 1]);
    }
    expect(await values(ops.tril(zeros([2, 0])))).toEqual([]);
    expect(await slopes((y) => ops.mul(ops.triu(y), 3), ones([2, 2]))).toEqual([3, 3, 0, 3]);
    expect(() => ops.tril(zeros([3]))).toThrow("tril: needs a matrix, and got [3]");
    expect(() => ops.triu(x, { diagonal: 0.5 })).toThrow("triu: a diagonal is a whole number, not 0.5");
  });

  it("roll moves along axes, in row-major order without one, and twice where an axis stands twice", async () => {
    const x = tensor([[1, 2, 3], [4, 5, 6]]);
    expect(await values(ops.roll(x, { shift: 1 }))).toEqual([6, 1, 2, 3, 4, 5]);
    expect(await values(ops.roll(x, { shift: [1, -1], axis: [0, 1] }))).toEqual([5, 6, 4, 2, 3, 1]);
    expect(await values(ops.roll(x, { shift: 1, axis: [1, 1] }))).toEqual([2, 3, 1, 5, 6, 4]);
    expect(ops.roll(x, { shift: -6, axis: -1 })).toBe(x);
    expect(await values(ops.roll(x, { shift: 301, axis: 1 }))).toEqual([3, 1, 2, 6, 4, 5]);
    for (const dtype of DTYPES) {
      expect(await values(ops.roll(tensor([1, 0, 0], { dtype }), { shift: -1 }))).toEqual([0, 0, 1]);
    }
    expect(await values(ops.roll(zeros([0, 2]), { shift: 3, axis: 0 }))).toEqual([]);
    expect(() => ops.roll(x, { shift: [1, 2], axis: 0 })).toThrow("roll: there are 2 shifts and 1 axes");
    expect(() => ops.roll(x, { shift: 0.5, axis: 0 })).toThrow("roll: a shift is a whole number, not 0.5");
    expect(() => ops.roll(x, { shift: 1, axis: 2 })).toThrow("roll: axis 2 does not exist in a tensor of rank 2");
  });

  it("tile repeats the last axes, adds axes in front, and gives nothing of no copies", async () => {
    const x = tensor([[1, 2], [3, 4]]);
    expect(await values(ops.tile(x, 2))).toEqual([1, 2, 1, 2, 3, 4, 3, 4]);
    expect(await values(ops.tile(x, [2, 1]))).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
    const cube = ops.tile(tensor([1, 2]), [2, 1, 2]);
    expect([cube.shape, await values(cube)]).toEqual([[2, 1, 4], [1, 2, 1, 2, 1, 2, 1, 2]]);
    expect([ops.tile(x, [0, 2]).shape, ops.tile(zeros([0, 2]), 3).shape]).toEqual([[0, 4], [0, 6]]);
    expect(await values(ops.tile(tensor(5), [2, 2]))).toEqual([5, 5, 5, 5]);
    expect(ops.tile(x, [])).toBe(x);
    for (const dtype of [...DTYPES, "f16"] as const) {
      expect(await values(ops.tile(tensor([1, 0], { dtype }), 2))).toEqual([1, 0, 1, 0]);
    }
    expect(await slopes((y) => ops.tile(y, [3, 2]), x)).toEqual([6, 6, 6, 6]);
    expect(() => ops.tile(x, [2, -1])).toThrow("tile: a number of copies is a whole number from 0, not -1");
  });

  it("pad puts a value around, which may be infinite, NaN or of any dtype", async () => {
    const x = tensor([[1, 2]]);
    expect(await values(ops.pad(x, { width: 1 }))).toEqual([0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0]);
    expect(await values(ops.pad(x, { width: [[0, 1], [2, 0]], value: -Infinity }))).toEqual([
      ...[-Infinity, -Infinity, 1, 2],
      ...[-Infinity, -Infinity, -Infinity, -Infinity],
    ]);
    expect(await values(ops.pad(x, { width: [0, [1, 0]], value: NaN }))).toEqual([NaN, 1, 2]);
    expect(await values(ops.pad(tensor(Int32Array.of(5)), { width: 1, value: -7 }))).toEqual([-7, 5, -7]);
    expect(await values(ops.pad(tensor([0], { dtype: "bool" }), { width: 1, value: 1 }))).toEqual([1, 0, 1]);
    expect(await values(ops.pad(zeros([0, 1]), { width: [1, 0], value: 2 }))).toEqual([2, 2]);
    expect([ops.pad(x, { width: 0 }), ops.pad(tensor(3), { width: 4 }).shape]).toEqual([x, []]);
    expect(await slopes((y) => ops.mul(ops.pad(y, { width: 1, value: 9 }), 2), x)).toEqual([2, 2]);
    const flat = (y: Tensor) => ops.pad(y, { width: [[1, 0]], value: 0.1 });
    expectClose(await ops.mul(flat(tensor([1])), 2).data(), [0.2, 2], 1e-7);
    expect(() => ops.pad(x, { width: [1] })).toThrow("pad: 1 widths are not those of the 2 axes of [1, 2]");
    expect(() => ops.pad(x, { width: [0, [1, -1]] })).toThrow("pad: a width is a whole number from 0, not -1");
    expect(() => ops.pad(tensor(Int32Array.of(5)), { width: 1, value: 0.5 })).toThrow("pad: 0.5 is no i32");
    expect(() => ops.pad(zeros([2], { dtype: "f16" }), { width: 1 })).toThrow(TypeError);
  });
});

describe("einsum()", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);
  const numbers = new Numbers(3);
  const [a, b] = [numbers.tensor([2, 3]), numbers.tensor([3, 4])];

  it("says what is wrong with an equation, by its parts and operands", () => {
    const call = (equation: string, ...operands: Tensor[]) => () => ops.einsum(equation, ...operands);
    expect(call("ij,jk->ik", a)).toThrow('einsum: "ij,jk->ik" names 2 operands, and there are 1');
    expect(call("", a)).toThrow('einsum: "" of "" names 0 axes, and operand 0 is [2, 3]');
    expect(call("ij,jk->ik", a, a)).toThrow('einsum: "j" in "ij,jk->ik" is 3 in operand 0 and 2 in operand 1');
    expect(call("ijk->i", a)).toThrow('einsum: "ijk" of "ijk->i" names 3 axes, and operand 0 is [2, 3]');
    expect(call("ijk...->i", a)).toThrow('einsum: "ijk..." of "ijk...->i" names 3 or more axes');
    expect(call("i1->i", a)).toThrow('einsum: "i1->i" has "1" in "i1": axes are letters');
    expect(call("i.j->i", a)).toThrow('has "." in "i.j"');
    expect(call("......->...", a)).toThrow('has several "..." in "......"');
    expect(call("ij->ji->ij", a)).toThrow('has several "->"');
    expect(call("ij->ik", a)).toThrow('einsum: "k" of the output of "ij->ik" is in no operand');
    expect(call("ij->ii", a)).toThrow('einsum: "i" stands twice in the output of "ij->ii"');
    expect(call("...j->j", a)).toThrow('einsum: the output of "...j->j" lacks "..."');
    expect(call("...i,...i->...", a, ops.zeros([4, 3]))).toThrow(
      'einsum: an axis of "..." in "...i,...i->..." is 2 in operand 0 and 4 in operand 1',
    );
    expect(call("ii->i", a)).toThrow('einsum: "i" in "ii->i" is 2 in operand 0 and 3 in operand 0');
    expect(call("ij,ij->ij", a, ops.zeros([2, 3], { dtype: "i32" }))).toThrow("einsum: operands are f32 and i32");
    expect(call("i->i", ops.zeros([1], { dtype: "bool" }))).toThrow(TypeError);
  });

  it("implies an output, in alphabetical order, and takes spaces", async () => {
    expect(ops.einsum("ba", a).shape).toEqual([3, 2]);
    expect(await values(ops.einsum(" ij , jk ", a, b))).toEqual(await values(ops.matmul(a, b)));
    expect(ops.einsum("...i,i", numbers.tensor([4, 5, 3]), numbers.tensor([3])).shape).toEqual([4, 5]);
    expect(ops.einsum("ij,ij", a, a).shape).toEqual([]);
    expect(ops.einsum("i...->...", a).shape).toEqual([3]);
    expect(ops.einsum("ij->ij", a)).toBe(a);
  });

  it("multiplies integers and f16, and sums of nothing are 0", async () => {
    const whole = tensor([[1, 2], [3, 4]], { dtype: "i32" });
    expect(await values(ops.einsum("ij,jk->ik", whole, whole))).toEqual([7, 10, 15, 22]);
    expect(await values(ops.einsum("ii->", whole))).toEqual([5]);
    const half = tensor([[1, 2], [3, 4]], { dtype: "f16" });
    expect(await values(ops.einsum("ij,kj->ik", half, half))).toEqual([5, 11, 11, 25]);
    expect(await values(ops.einsum("ij,jk->ik", zeros([1, 0]), zeros([0, 2])))).toEqual([0, 0]);
    expect(ops.einsum("ij,jk->ik", zeros([0, 2]), zeros([2, 3])).shape).toEqual([0, 3]);
  });

  it("drops NaN beside a diagonal, and stretches axes of 1 that `...` stands for", async () => {
    expect(await values(ops.einsum("ii->i", tensor([[1, NaN], [NaN, 2]])))).toEqual([1, 2]);
    const [row, column] = [numbers.tensor([1, 4]), numbers.tensor([3, 1])];
    expect(await values(ops.einsum("...,...->...", row, column))).toEqual(await values(ops.mul(row, column)));
    expect(ops.einsum("...i,...j->...ij", numbers.tensor([5, 1, 2]), numbers.tensor([6, 3])).shape).toEqual([
      5,
      6,
      2,
      3,
    ]);
  });

  it("is one dispatch where it is a product, and takes the cheapest pair of several first", async () => {
    const [q, k] = [numbers.tensor([2, 5, 3, 8]), numbers.tensor([2, 7, 3, 8])];
    const scores = jit((q: Tensor, k: Tensor) => ops.einsum("bqhd,bkhd->bhqk", q, k));
    await scores(q, k);
    expect(scores.plans()[0].dispatches.length).toBe(1);
    scores.dispose();
    const [x, y, z] = [numbers.tensor([64, 65]), numbers.tensor([65, 66]), numbers.tensor([66])];
    const chain = jit((x: Tensor, y: Tensor, z: Tensor) => ops.einsum("ij,jk,k->i", x, y, z));
    expectClose(await (await chain(x, y, z)).data(), await ops.matmul(ops.matmul(x, y), z.expandDims(1)).data(), 1e-4);
    const work = chain.plans()[0].dispatches.reduce((total, { operations = 0 }) => total + operations, 0);
    expect(work).toBeLessThan(3 * 2 * 66 * 65);
    chain.dispose();
  });
});
