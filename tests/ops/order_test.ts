import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import * as ops from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad, jit, vmap } from "../../lib/transform/mod.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { bits, Numbers } from "../support/numbers.ts";

const values = async (x: Tensor) => Array.from(await x.data());
const whole = (data: readonly number[]) => tensor(data, { dtype: "i32" });
const { zeros } = ops;

describe("sort, argsort and topK", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("have NaN last, infinities at the ends, and equal elements in their order", async () => {
    const x = tensor([NaN, 2, -Infinity, 0, -0, 2, Infinity, -1]);
    expect(await values(ops.argsort(x))).toEqual([2, 7, 3, 4, 1, 5, 6, 0]);
    expect(await values(ops.sort(x))).toEqual([-Infinity, -1, 0, -0, 2, 2, Infinity, NaN]);
    expect(await values(ops.argsort(x, { descending: true }))).toEqual([0, 6, 1, 5, 3, 4, 7, 2]);
    const [largest, places] = ops.topK(x, 3);
    expect([await values(largest), await values(places)]).toEqual([[NaN, Infinity, 2], [0, 6, 1]]);
  });

  it("order integers and bool over their whole ranges", async () => {
    expect(await values(ops.sort(whole([5, -(2 ** 31), 2 ** 31 - 1, -1])))).toEqual([-(2 ** 31), -1, 5, 2 ** 31 - 1]);
    expect(await values(ops.sort(tensor([1, 2 ** 32 - 1, 0], { dtype: "u32" })))).toEqual([0, 1, 2 ** 32 - 1]);
    const flags = ops.sort(tensor([1, 0, 1, 0], { dtype: "bool" }), { descending: true });
    expect([flags.dtype, await values(flags)]).toEqual(["bool", [1, 1, 0, 0]]);
  });

  it("order rows of any length, around blocks and far beyond", async () => {
    const numbers = new Numbers(6);
    for (const n of [64, 65, 1023, 1024, 1025, 2048, 2049, 5000, 30522]) {
      const data = Float32Array.from({ length: 2 * n }, () => numbers.below(n) / 8);
      const order = await ops.argsort(tensor(data, { shape: [2, n] })).data();
      for (const row of [0, 1]) {
        const part = data.subarray(row * n, row * n + n);
        const wanted = Array.from(part.keys()).sort((i, j) => part[i] - part[j]);
        expect(Array.from(order.subarray(row * n, row * n + n))).toEqual(wanted);
      }
    }
  });

  it("need one dispatch for what fits into a block, and compile once", async () => {
    const f = jit((x: Tensor) => ops.argsort(x));
    await f(new Numbers(1).tensor([4, 1000]));
    expect(f.plans()[0].dispatches.length).toBe(1);
  });

  it("find the largest of long rows without sorting them, in the order that sorting gives", async () => {
    const numbers = new Numbers(8);
    for (const [n, k] of [[1025, 1], [1025, 8], [2600, 20], [50257, 8], [130_000, 5]]) {
      const data = Float32Array.from({ length: 2 * n }, (_, i) => {
        const chance = numbers.below(500);
        return i > n && chance < 2 ? [NaN, Infinity][chance] : chance < 4 ? -Infinity : numbers.below(n >> 6) / 8;
      });
      const x = tensor(data, { shape: [2, n] });
      const first = { start: [0, 0], size: [2, k] };
      const wanted = ops.slice(ops.argsort(x, { descending: true }), first);
      const [largest, places] = ops.topK(x, k);
      expect(await values(places)).toEqual(await values(wanted));
      expect(await values(largest)).toEqual(await values(ops.takeAlong(x, wanted)));
    }
    const low = ops.topK(tensor(new Float32Array(2000).fill(-Infinity)), 3);
    expect(await values(low[1])).toEqual([0, 1, 2]);
    const f = jit((x: Tensor) => ops.topK(x, 20));
    await f(numbers.tensor([2, 50257]));
    expect(f.plans()[0].dispatches.length).toBeLessThan(20);
  });

  it("of empty tensors are empty", async () => {
    for (const shape of [[0], [2, 0], [0, 2]]) {
      expect([ops.sort(zeros(shape)).shape, await values(ops.sort(zeros(shape)))]).toEqual([shape, []]);
    }
    const [largest, places] = ops.topK(zeros([2, 3]), 0);
    expect([largest.shape, places.shape, await values(largest)]).toEqual([[2, 0], [2, 0], []]);
    const derivative = grad((x: Tensor) => ops.sum(ops.topK(x, 0)[0]))(zeros([2]));
    expect(await values(derivative)).toEqual([0, 0]);
  });

  it("refuse what they cannot do", () => {
    const x = zeros([2, 3]);
    expect(() => ops.sort(x, { axis: 2 })).toThrow("sort: axis 2 does not exist");
    expect(() => ops.argsort(zeros([]))).toThrow("argsort: axis -1 does not exist");
    expect(() => ops.sort(ops.cast(x, "f16"))).toThrow(TypeError);
    expect(() => ops.topK(x, 4)).toThrow("topK: axis 1 of [2, 3] has no 4 elements");
    expect(() => ops.topK(x, 1.5)).toThrow("topK: the number of elements is a whole number from 0, not 1.5");
  });
});

describe("takeAlong and scatterAdd", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("give NaN, or 0 of integers, for an index outside, which gets and adds nothing", async () => {
    const indices = whole([1, -1, 3, 0]);
    expect(await values(ops.takeAlong(tensor([5, 6, 7]), indices))).toEqual([6, NaN, NaN, 5]);
    expect(await values(ops.takeAlong(whole([5, 6, 7]), indices))).toEqual([6, 0, 0, 5]);
    const derivative = grad((x: Tensor) => ops.sum(ops.takeAlong(x, indices)))(tensor([5, 6, 7]));
    expect(await values(derivative)).toEqual([1, 1, 0]);
    const sums = ops.scatterAdd(whole([1, 1, 1]), indices, whole([2, 3, 4, 2 ** 31 - 1]));
    expect(await values(sums)).toEqual([-(2 ** 31), 3, 1]);
    const of = grad((updates: Tensor) => ops.sum(ops.scatterAdd(zeros([3]), indices, updates)));
    expect(await values(of(tensor([1, 2, 3, 4])))).toEqual([1, 0, 0, 1]);
  });

  it("have the same bits every time, and those of the order of the updates", async () => {
    const numbers = new Numbers(2);
    const [indices, updates] = [numbers.ids([3000], 5), numbers.tensor([3000])];
    const once = async () => bits(await ops.scatterAdd(zeros([5]), indices, updates).data());
    const wanted = new Float32Array(5);
    const [places, added] = [await indices.data(), await updates.data()];
    places.forEach((at, i) => wanted[at] += added[i]);
    expect(await once()).toEqual(bits(wanted));
    expect(await once()).toEqual(await once());
  });

  it("of no elements and of no indices are what is left", async () => {
    expect(await values(ops.takeAlong(zeros([0]), whole([0, 0])))).toEqual([NaN, NaN]);
    expect(ops.takeAlong(zeros([3]), zeros([0], { dtype: "i32" })).shape).toEqual([0]);
    const none = zeros([0], { dtype: "i32" });
    expect(await values(grad((x: Tensor) => ops.sum(ops.takeAlong(x, none)))(ops.ones([2])))).toEqual([0, 0]);
    expect(await values(ops.scatterAdd(ops.ones([2]), none, zeros([0])))).toEqual([1, 1]);
    expect(ops.scatterAdd(zeros([0]), whole([1]), ops.ones([1])).shape).toEqual([0]);
  });

  it("refuse what does not fit", () => {
    const x = zeros([2, 3]);
    expect(() => ops.takeAlong(x, whole([1]))).toThrow("takeAlong: indices [1] need as many axes as [2, 3]");
    expect(() => ops.takeAlong(x, zeros([3, 1], { dtype: "i32" }))).toThrow("do not broadcast");
    expect(() => ops.takeAlong(x, zeros([2, 1]))).toThrow("takeAlong: needs i32");
    expect(() => ops.scatterAdd(x, zeros([2, 1], { dtype: "i32" }), zeros([2, 2, 1]))).toThrow("do not fit");
    expect(() => ops.scatterAdd(x, zeros([2, 1], { dtype: "i32" }), whole([1]))).toThrow(TypeError);
    expect(() => ops.scatterAdd(zeros([1, 3]), zeros([2, 1], { dtype: "i32" }), zeros([2, 1]))).toThrow("do not fit");
  });
});

describe("dynamicSlice and dynamicUpdateSlice", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("count negative places from the end, and move boxes inside", async () => {
    const x = tensor([0, 1, 2, 3, 4]);
    const wanted = [[-9, [0, 1]], [-5, [0, 1]], [-2, [3, 4]], [-1, [3, 4]], [2, [2, 3]], [4, [3, 4]], [99, [
      3,
      4,
    ]]] as const;
    for (const [at, box] of wanted) {
      expect(await values(ops.dynamicSlice(x, { start: [whole([at])], size: [2] }))).toEqual([...box]);
      const replaced = [0, 1, 2, 3, 4].map((i) => box.some((value) => value === i) ? -1 : i);
      expect(await values(ops.dynamicUpdateSlice(x, tensor([-1, -1]), { start: [at] }))).toEqual(replaced);
    }
  });

  it("need no other plan for another place, and write only the update into a donated tensor", async () => {
    const put = jit((x: Tensor, update: Tensor, at: Tensor) => ops.dynamicUpdateSlice(x, update, { start: [at, 0] }), {
      donate: [0],
    });
    let rows = zeros([300, 4]);
    for (const at of [7, 0, 299, 7]) rows = await put(rows, ops.full([1, 4], at + 1), tensor(at, { dtype: "i32" }));
    const wanted = Array.from(
      { length: 1200 },
      (_, i) => [7, 0, 299].includes(Math.floor(i / 4)) ? Math.floor(i / 4) + 1 : 0,
    );
    expect(await values(rows)).toEqual(wanted);
    expect(put.plans().length).toBe(1);
    expect(put.plans()[0].dispatches.map(({ kernel }) => kernel)).toEqual([
      "arange_equal_where_equal_where",
      "dynamicUpdate2_inPlace_vec4",
    ]);
  });

  it("give each cell of vmap a place of its own", async () => {
    const x = tensor([[0, 1, 2], [3, 4, 5]]);
    const cut = vmap((row: Tensor, at: Tensor) => ops.dynamicSlice(row, { start: [at], size: [1] }));
    expect(await values(cut(x, whole([2, 0])))).toEqual([2, 3]);
  });

  it("read updates where they lie, as heads of a projection, in place and not", async () => {
    const [B, G, S] = [2, 3, 5];
    const at = [4, 1];
    for (const d of [8, 3]) {
      const write = (slots: Tensor, joint: Tensor, at: Tensor) => {
        const [, k] = ops.split(joint, { sections: 2, axis: 1 });
        const heads = k.reshape([B, 1, G, d]).transpose([0, 2, 1, 3]);
        const one = (row: Tensor, x: Tensor, slot: Tensor) => ops.dynamicUpdateSlice(row, x, { start: [0, slot, 0] });
        return vmap(one)(slots, heads, at);
      };
      const joint = tensor(Array.from({ length: 2 * B * G * d }, (_, i) => i + 1), { shape: [B, 2 * G * d] });
      const wanted = Array.from({ length: B * G * S * d }, (_, i) => {
        const [b, g, s, e] = [Math.floor(i / (G * S * d)), Math.floor(i / (S * d)) % G, Math.floor(i / d) % S, i % d];
        return s === at[b] ? 1 + (2 * b + 1) * G * d + g * d + e : 0;
      });
      const kept = jit(write);
      const donated = jit(write, { donate: [0] });
      for (const [put, name] of [[kept, "dynamicUpdate3"], [donated, "dynamicUpdate3_inPlace"]] as const) {
        expect(await values(await put(zeros([B, G, S, d]), joint, whole(at)))).toEqual(wanted);
        const kernels = put.plans()[0].dispatches.map(({ kernel }) => kernel);
        expect(kernels).toContain(d === 8 ? `${name}_vec4` : name);
        expect(kernels).not.toContain("copy");
      }
    }
  });

  it("keep the bits of every dtype, and take scalars and empty boxes", async () => {
    for (const dtype of ["f32", "i32", "u32", "bool"] as const) {
      const x = ops.dynamicUpdateSlice(zeros([3], { dtype }), ops.ones([1], { dtype }), { start: [1] });
      expect([x.dtype, await values(x)]).toEqual([dtype, [0, 1, 0]]);
    }
    expect(await values(ops.dynamicSlice(tensor(3), { start: [], size: [] }))).toEqual([3]);
    expect(await values(ops.dynamicUpdateSlice(tensor(3), tensor(4), { start: [] }))).toEqual([4]);
    expect(ops.dynamicSlice(zeros([2, 0]), { start: [0, 0], size: [1, 0] }).shape).toEqual([1, 0]);
    const derivative = grad((x: Tensor) => ops.sum(ops.dynamicSlice(x, { start: [1], size: [0] })))(ops.ones([2]));
    expect(await values(derivative)).toEqual([0, 0]);
    expect(await values(ops.dynamicUpdateSlice(ops.ones([2]), zeros([0]), { start: [0] }))).toEqual([1, 1]);
  });

  it("refuse boxes that do not fit and places that are none", () => {
    const x = zeros([2, 3]);
    const box = "dynamicSlice: a box of [3, 1] does not fit into [2, 3]";
    expect(() => ops.dynamicSlice(x, { start: [0, 0], size: [3, 1] })).toThrow(box);
    expect(() => ops.dynamicSlice(x, { start: [0], size: [1, 1] })).toThrow("one place for each axis of [2, 3]");
    expect(() => ops.dynamicSlice(x, { start: zeros([2]), size: [1, 1] })).toThrow("dynamicSlice: needs i32");
    expect(() => ops.dynamicSlice(x, { start: [0.5, 0], size: [1, 1] })).toThrow("a whole number, not at 0.5");
    expect(() => ops.dynamicUpdateSlice(x, zeros([1, 4]), { start: [0, 0] })).toThrow(RangeError);
    expect(() => ops.dynamicUpdateSlice(x, zeros([1, 1], { dtype: "i32" }), { start: [0, 0] })).toThrow(TypeError);
  });
});
