import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { attention } from "../../lib/nn/mod.ts";
import * as ops from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad, jit } from "../../lib/transform/mod.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { bits, expectClose, Numbers } from "../support/numbers.ts";

const { zeros } = ops;
const values = async (x: Tensor) => Array.from(await x.data());
const slopes = (f: (x: Tensor) => Tensor, x: Tensor) => values(grad((y: Tensor) => ops.sum(f(y)))(x));

describe("prod()", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("has the product of all others as its derivative, with zeros among them, infinite and small ones", async () => {
    for (const columns of [1, 2, 3, 5, 8, 13]) {
      const numbers = new Numbers(columns);
      for (const zeros of [0, 1, 2]) {
        const row = Array.from({ length: columns }, (_, i) => i < zeros ? 0 : 0.5 + numbers.next());
        const wanted = row.map((_, i) => row.reduce((product, x, j) => i === j ? product : product * x, 1));
        expectClose(await slopes((x) => ops.prod(x), tensor(row)), wanted, 1e-6);
        expectClose(await slopes((x) => ops.prod(x, { axis: 0 }), tensor(row.map((x) => [x]))), wanted, 1e-6);
      }
    }
    expect(await slopes((x) => ops.prod(x), tensor([1e30, 1e20]))).toEqual([1e20, 1e30].map(Math.fround));
    expect(await slopes((x) => ops.prod(x), tensor([1e-30, 1e-20]))).toEqual([1e-20, 1e-30].map(Math.fround));
  });

  it("has derivatives of higher order, with zeros, too", async () => {
    const second = grad((x: Tensor) =>
      ops.sum(ops.slice(grad((y: Tensor) => ops.prod(y))(x), { start: [0], size: [1] }))
    );
    expect(await values(second(tensor([0, 2, 3, 5])))).toEqual([0, 15, 10, 6]);
    expect(await values(second(tensor([7, 0, 3, 5])))).toEqual([0, 15, 0, 0]);
  });

  it("of integers wraps, of bool counts as i32, and of nothing is 1", async () => {
    expect(await values(ops.prod(tensor(Int32Array.of(65537, 65539, -3))))).toEqual([
      Math.imul(Math.imul(65537, 65539), -3),
    ]);
    expect(await values(ops.prod(tensor(Uint32Array.of(4294967295, 3))))).toEqual([4294967293]);
    const all = ops.prod(tensor([[1, 0], [1, 1]], { dtype: "bool" }), { axis: 1, keepDims: true });
    expect([String(all), await values(all)]).toEqual(["Tensor i32 [2, 1]", [0, 1]]);
    expect(await values(ops.prod(zeros([2, 0]), { axis: 1 }))).toEqual([1, 1]);
    expect(await values(ops.prod(zeros([2, 0])))).toEqual([1]);
    expect(await slopes((x) => ops.prod(x, { axis: 1 }), zeros([2, 0]))).toEqual([]);
    expect(() => ops.prod(zeros([2]), { axis: 1 })).toThrow("prod: axis 1 does not exist in a tensor of rank 1");
  });

  it("has the same bits every time, and a derivative of few dispatches", async () => {
    const x = new Numbers(3).tensor([3, 9000], { min: 0.99, max: 1.01 });
    const once = () => ops.prod(x, { axis: 1 }).data();
    expect(bits(await once())).toEqual(bits(await once()));
    const slope = jit(grad((y: Tensor) => ops.sum(ops.prod(y, { axis: 1 }))));
    await slope(x);
    const [{ dispatches }] = slope.plans();
    // Two for each halving: products of pairs there, and back.
    expect(dispatches.length).toBeLessThan(2 * Math.ceil(Math.log2(9000)) + 6);
    slope.dispose();
  });
});

describe("sums over axes in front of a part of a larger tensor", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  for (const operation of ["sum", "max", "min"] as const) {
    it(`by ${operation}() have the bits of each column by itself, four at once`, async () => {
      const data = await new Numbers(8).tensor([4 * 37 * 8]).data() as Float32Array;
      /** Columns `[4, 37, 8]` behind so many elements. */
      const reduce = async (offset: number) => {
        const part = (x: Tensor) => x.slice({ start: [offset], size: [data.length] }).reshape([4, 37, 8]);
        const reduced = jit((x: Tensor) => ops[operation](part(x), { axis: [0, 1] }));
        const result = await reduced(tensor(Float32Array.of(...new Float32Array(offset), ...data, 0)));
        return { result: await result.data(), kernel: reduced.plans()[0].dispatches[0].kernel };
      };
      // In fours, and not: there, columns are read one by one.
      const [together, apart] = [await reduce(4), await reduce(5)];
      expect([together.kernel, apart.kernel]).toEqual([`${operation}_groupRows`, `${operation}_groupRow`]);
      expect(bits(together.result)).toEqual(bits(apart.result));
      const columns = Array.from({ length: 8 }, (_, c) => data.filter((_, i) => i % 8 === c));
      const wanted = columns.map((column) =>
        operation === "sum" ? column.reduce((a, b) => a + b, 0) : Math[operation](...column)
      );
      expectClose(together.result, wanted, 1e-5);
    });
  }
});

describe("variance()", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("divides by the number less the correction, and is NaN where nothing is left", async () => {
    const x = tensor([[1, 2, 6], [4, 4, 4]]);
    expectClose(await ops.variance(x, { axis: 1 }).data(), [14 / 3, 0], 1e-6);
    expectClose(await ops.variance(x, { axis: [1], correction: 1, keepDims: true }).data(), [7, 0], 1e-6);
    expectClose(await ops.variance(x, { axis: 1, correction: 0.5 }).data(), [5.6, 0], 1e-6);
    expect(await values(ops.variance(x, { axis: 1, correction: 3 }))).toEqual([NaN, NaN]);
    expect(await values(ops.variance(zeros([0, 2]), { axis: 0 }))).toEqual([NaN, NaN]);
    expect(await values(ops.variance(zeros([0, 2]), { axis: 0, correction: -1 }))).toEqual([NaN, NaN]);
    expect(await values(ops.variance(x, { axis: [] }))).toEqual([0, 0, 0, 0, 0, 0]);
    expect(await values(ops.variance(tensor(Int32Array.of(1, 2))))).toEqual([0.25]);
    expect(await values(ops.variance(tensor([0, 1], { dtype: "f16" })))).toEqual([0.25]);
    expect(() => ops.variance(x, { correction: NaN })).toThrow("variance: the correction is a finite number, not NaN");
    expect(() => ops.variance(x, { axis: 2 })).toThrow("variance: axis 2 does not exist in a tensor of rank 2");
  });

  it("loses no digits to a large mean", async () => {
    const x = Float32Array.from({ length: 1000 }, (_, i) => 1e6 + i % 2);
    expectClose(await ops.variance(tensor(x)).data(), [0.25], 1e-5);
  });
});

describe("logSumExp()", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("does not overflow, and is −∞ of nothing and of elements that all are", async () => {
    const x = tensor([[1e4, 1e4, -1e4], [-Infinity, 0, 0], [-Infinity, -Infinity, -Infinity]]);
    const result = await ops.logSumExp(x, { axis: 1 }).data();
    expectClose(result.subarray(0, 2), [1e4 + Math.LN2, Math.LN2], 1e-6);
    expect(result[2]).toBe(-Infinity);
    expect(await values(ops.logSumExp(zeros([2, 0]), { axis: 1, keepDims: true }))).toEqual([-Infinity, -Infinity]);
    expect(await values(ops.logSumExp(zeros([2, 0]), { axis: 0 }))).toEqual([]);
    expect(ops.logSumExp(zeros([1, 2, 1]), { axis: [0, 2], keepDims: true }).shape).toEqual([1, 2, 1]);
    expect(ops.logSumExp(zeros([1, 2, 1]), { axis: 1 }).shape).toEqual([1, 1]);
    expect(() => ops.logSumExp(zeros([2], { dtype: "i32" }))).toThrow(TypeError);
    expect(() => ops.logSumExp(zeros([2]), { axis: 1 })).toThrow("logSumExp: axis 1 does not exist");
  });

  it("has softmax as its derivative", async () => {
    const x = new Numbers(2).tensor([4, 9], { min: -20, max: 20 });
    expectClose(await slopes((y) => ops.logSumExp(y, { axis: 1 }), x), await values(ops.softmax(x)), 1e-6);
  });
});

describe("any(), all() and argmin()", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("take numbers for true unless they are 0, and know what is said of nothing", async () => {
    const x = tensor([[0, 0, 0], [0, NaN, 0], [1, -2, Infinity]]);
    const any = ops.any(x, { axis: 1 });
    expect([any.dtype, await values(any)]).toEqual(["bool", [0, 1, 1]]);
    expect(await values(ops.all(x, { axis: 1, keepDims: true }))).toEqual([0, 0, 1]);
    expect(await values(ops.all(x, { axis: 0 }))).toEqual([0, 0, 0]);
    for (const dtype of ["i32", "u32", "bool", "f16"] as const) {
      expect(await values(ops.any(tensor([0, 1], { dtype })))).toEqual([1]);
      expect(await values(ops.all(tensor([0, 1], { dtype })))).toEqual([0]);
    }
    expect([await values(ops.any(zeros([2, 0]), { axis: 1 })), await values(ops.any(zeros([0])))]).toEqual([[0, 0], [
      0,
    ]]);
    expect([await values(ops.all(zeros([2, 0]), { axis: 1 })), await values(ops.all(zeros([0])))]).toEqual([[1, 1], [
      1,
    ]]);
    expect(await values(ops.any(x, { axis: [] }))).toEqual([0, 0, 0, 0, 1, 0, 1, 1, 1]);
    expect(() => ops.any(x, { axis: 2 })).toThrow("any: axis 2 does not exist in a tensor of rank 2");
    expect(() => ops.all(x, { axis: -3 })).toThrow("all: axis -3 does not exist in a tensor of rank 2");
  });

  it("argmin takes the first among equals, and the first NaN before all", async () => {
    expect(await values(ops.argmin(tensor([[3, 1, 1], [2, NaN, NaN], [Infinity, -Infinity, 0]])))).toEqual([1, 1, 1]);
    expect(await values(ops.argmin(tensor([[1, 3], [3, 2], [1, 1]]), { axis: 0 }))).toEqual([0, 2]);
    expect(() => ops.argmin(zeros([2, 0]))).toThrow("argmin: an empty axis of [2, 0] has none");
    expect(() => ops.argmin(zeros([2]), { axis: 1 })).toThrow("argmin: axis 1 does not exist");
  });
});

describe("flip()", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("reverses elements of every dtype, and costs no dispatch of its own", async () => {
    for (const dtype of ["f32", "i32", "u32", "bool", "f16"] as const) {
      const x = tensor([[0, 1, 1], [1, 0, 1]], { dtype });
      expect([await values(ops.flip(x)), await values(ops.flip(x, { axis: 0 }))]).toEqual([
        [1, 0, 1, 1, 1, 0],
        [1, 0, 1, 0, 1, 1],
      ]);
    }
    const x = zeros([2, 1]);
    expect(ops.flip(x, { axis: 1 })).toBe(x);
    expect(await values(ops.flip(zeros([0, 3])))).toEqual([]);
    expect(() => ops.flip(x, { axis: 2 })).toThrow("flip: axis 2 does not exist in a tensor of rank 2");
    const twice = jit((x: Tensor) => ops.exp(ops.flip(ops.flip(x, { axis: 0 }).transpose(), { axis: 0 })));
    await twice(new Numbers(1).tensor([5, 8]));
    expect(twice.plans()[0].dispatches.length).toBe(1);
    twice.dispose();
  });

  it("is read by sums, products, look-ups, attention and reshapes as a copy would be", async () => {
    const numbers = new Numbers(4);
    const [x, ids] = [numbers.tensor([2, 3, 6, 8]), numbers.ids([7], 5)];
    const copied = async (flipped: Tensor) => tensor(await flipped.data(), { shape: flipped.shape });
    const uses: [Tensor, (flipped: Tensor) => Tensor][] = [
      [ops.flip(x), (y) => ops.sum(y, { axis: [0, 2] })],
      [ops.flip(x, { axis: [0, 1] }), (y) => attention(y, y, x)],
      [ops.flip(x, { axis: [1, 2, 3] }), (y) => attention(x, y, y)],
      [ops.flip(x, { axis: [0, 1] }), (y) => ops.matmul(y, x, { transposeB: true })],
      [ops.flip(x, { axis: 2 }), (y) => ops.matmul(x, y, { transposeB: true })],
      [ops.flip(x, { axis: [0, 3] }), (y) => ops.softmax(ops.reshape(y, [4, -1]))],
      [ops.flip(ids), (y) => ops.embedding(ops.slice(ops.reshape(x, [-1, 8]), { start: [1, 0], size: [5, 8] }), y)],
      [ops.flip(x, { axis: 0 }), (y) => ops.concat([y, x, y], { axis: 3 })],
    ];
    for (const [flipped, use] of uses) {
      expect(bits(await use(flipped).data())).toEqual(bits(await use(await copied(flipped)).data()));
    }
  });
});
