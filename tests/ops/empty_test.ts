import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { attention, crossEntropy, layerNorm, linear, meanSquaredError } from "../../lib/nn/mod.ts";
import * as ops from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { checkpoint, grad } from "../../lib/transform/mod.ts";
import { deviceIdle, testDevice } from "../support/device.ts";

const { zeros, ones, sum } = ops;
const SHAPES = [[0], [0, 3], [3, 0], [2, 0, 3]];

const ids = (shape: readonly number[]) => zeros(shape, { dtype: "i32" });
const derivative = (f: (x: Tensor) => Tensor, x: Tensor): Tensor => grad((y: Tensor) => sum(f(y)))(x);
const values = async (x: Tensor) => Array.from(await x.data());

/** Shape and elements. */
async function expectTensor(x: Tensor, shape: readonly number[], elements: readonly number[]): Promise<void> {
  expect([x.shape, await values(x)]).toEqual([shape, elements]);
}

describe("empty tensors", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  const { abs, cos, erf, exp, gelu, log, logSoftmax, neg, normalize, relu, rsqrt, sigmoid, sign, silu, sin } = ops;
  const { softmax, sqrt, square, tanh } = ops;
  const unary = { abs, cos, erf, exp, gelu, log, logSoftmax, neg, normalize, relu, rsqrt, sigmoid, sign, silu, sin };
  for (const [name, f] of Object.entries({ ...unary, softmax, sqrt, square, tanh })) {
    it(`${name} of an empty tensor is empty, and so is its derivative`, async () => {
      for (const shape of SHAPES) {
        await expectTensor(f(zeros(shape)), shape, []);
        await expectTensor(derivative(f, zeros(shape)), shape, []);
        await expectTensor(derivative((x) => f(ops.broadcastTo(x, shape)), ones([1])), [1], [0]);
      }
    });
  }

  it("binary operations broadcast into empty shapes and give back zeros as derivatives", async () => {
    const { add, div, maximum, mul, pow, sub, where } = ops;
    for (const f of [add, div, maximum, mul, pow, sub]) {
      await expectTensor(f(zeros([0, 3]), ones([3])), [0, 3], []);
      await expectTensor(derivative((x) => f(x, zeros([0, 3])), ones([3])), [3], [0, 0, 0]);
      await expectTensor(derivative((x) => f(zeros([2, 0]), x), ones([2, 1])), [2, 1], [0, 0]);
    }
    const none = zeros([0, 1], { dtype: "bool" });
    await expectTensor(derivative((x) => where(none, x, 1), ones([3])), [3], [0, 0, 0]);
  });

  it("a sum over nothing is 0, a mean NaN, and of largest, smallest and their place there is none", async () => {
    for (const shape of SHAPES) {
      for (const axis of [undefined, ...shape.keys()]) {
        const kept = axis === undefined ? [] : shape.filter((_, a) => a !== axis);
        const count = kept.reduce((product, size) => product * size, 1);
        await expectTensor(sum(zeros(shape), { axis }), kept, new Array(count).fill(0));
        await expectTensor(ops.mean(zeros(shape), { axis }), kept, new Array(count).fill(NaN));
        await expectTensor(derivative((x) => sum(x, { axis }), zeros(shape)), shape, []);
        for (const name of ["max", "min"] as const) {
          if (count === 0) await expectTensor(ops[name](zeros(shape), { axis }), kept, []);
          else {expect(() => ops[name](zeros(shape), { axis })).toThrow(
              `${name}: an empty axis of [${shape.join(", ")}]`,
            );}
        }
      }
    }
    await expectTensor(sum(ids([2, 0]), { axis: 1, keepDims: true }), [2, 1], [0, 0]);
    expect(sum(ids([0])).dtype).toBe("i32");
    expect(() => ops.argmax(zeros([2, 0]))).toThrow("argmax: an empty axis of [2, 0] has none");
    await expectTensor(ops.argmax(zeros([0, 2])), [0], []);
    await expectTensor(ops.squaredNorm([zeros([0]), ones([2])]), [], [2]);
  });

  it("products over an inner axis of nothing are 0", async () => {
    await expectTensor(ops.matmul(zeros([2, 0]), zeros([0, 3])), [2, 3], [0, 0, 0, 0, 0, 0]);
    await expectTensor(derivative((a) => ops.matmul(a, zeros([0, 3])), zeros([2, 0])), [2, 0], []);
    for (const left of [[0, 2], [4, 0, 2], [0, 4, 2]]) {
      await expectTensor(derivative((b) => ops.matmul(zeros(left), b), ones([2, 1])), [2, 1], [0, 0]);
    }
    await expectTensor(derivative((a) => ops.matmul(a, zeros([2, 0])), ones([1, 2])), [1, 2], [0, 0]);
    await expectTensor(linear(zeros([2, 0]), zeros([2, 0]), ones([2])), [2, 2], [1, 1, 1, 1]);
    const [A, B] = [ones([2, 3]), ones([3, 2])];
    await expectTensor(ops.matmulSum([A, B], [zeros([2, 0]), zeros([0, 2])]), [2, 2], [3, 3, 3, 3]);
    await expectTensor(ops.matmulSum([zeros([2, 0]), zeros([0, 2])], [A, B]), [2, 2], [3, 3, 3, 3]);
    await expectTensor(ops.matmulSum([zeros([1, 0]), zeros([0, 2])], [zeros([1, 0]), zeros([0, 2])]), [1, 2], [0, 0]);
    const none = { left: zeros([2, 0]), right: zeros([0, 2]), scale: 1 };
    await expectTensor(ops.addLowRank(ones([2, 2]), none), [2, 2], [1, 1, 1, 1]);
  });

  it("joining, cutting and looking up take empty parts", async () => {
    await expectTensor(ops.concat([ones([1, 2]), zeros([0, 2]), ones([1, 2])]), [2, 2], [1, 1, 1, 1]);
    await expectTensor(ops.concat([zeros([0, 2]), zeros([0, 3])], { axis: 1 }), [0, 5], []);
    await expectTensor(derivative((x) => ops.concat([ones([1, 2]), x]), zeros([0, 2])), [0, 2], []);
    await expectTensor(derivative((x) => ops.slice(x, { start: [1], size: [0] }), ones([3])), [3], [0, 0, 0]);
    await expectTensor(derivative((x) => ops.split(x, { sections: [0, 2] })[1], ones([2])), [2], [1, 1]);
    await expectTensor(ops.stack([zeros([0, 2]), zeros([0, 2])]), [2, 0, 2], []);
    await expectTensor(derivative((x) => ops.embedding(x, ids([0])), ones([3, 1])), [3, 1], [0, 0, 0]);
    await expectTensor(ops.embedding(zeros([0, 2]), ids([1])), [1, 2], [NaN, NaN]);
    await expectTensor(ops.embedding(zeros([3, 0]), ids([1])), [1, 0], []);
    await expectTensor(ops.oneHot(ids([0]), 3), [0, 3], []);
    await expectTensor(ops.oneHot(ids([2]), 0), [2, 0], []);
    await expectTensor(ops.arange(0), [0], []);
    await expectTensor(ops.random.normal(ops.random.key(1), [0, 2]), [0, 2], []);
    for (const dtype of ["f16", "i32", "bool"] as const) await expectTensor(ops.cast(zeros([0]), dtype), [0], []);
  });

  it("losses of no rows are { sum: 0, count: 0 }", async () => {
    for (const labelSmoothing of [0, 0.1]) {
      const { sum, count } = crossEntropy(zeros([0, 3]), ids([0]), { labelSmoothing });
      await expectTensor(sum, [], [0]);
      await expectTensor(count, [], [0]);
    }
    const squared = meanSquaredError(zeros([0]), zeros([0]));
    await expectTensor(squared.sum, [], [0]);
    await expectTensor(squared.count, [], [0]);
    const loss = (W: Tensor) => crossEntropy(ops.matmul(zeros([0, 2]), W), ids([0])).sum;
    await expectTensor(grad(loss)(ones([2, 2])), [2, 2], [0, 0, 0, 0]);
    await expectTensor(crossEntropy(zeros([2, 0]), ids([2])).sum, [], [NaN]);
  });

  it("a factor that is NaN reaches nothing through a low-rank change of a matrix without elements", async () => {
    const left = tensor([-1], { shape: [1, 1] });
    const change = (L: Tensor) => ops.sum(ops.addLowRank(zeros([1, 0]), { left: L, right: zeros([1, 0]), scale: NaN }));
    expect(await grad(change)(left).data()).toEqual(Float32Array.of(0));
  });

  it("layer norm and attention of nothing are empty; attention to no keys is 0", async () => {
    await expectTensor(layerNorm(zeros([3, 0]), zeros([0]), zeros([0])), [3, 0], []);
    await expectTensor(derivative((w) => layerNorm(zeros([0, 3]), w, zeros([3])), ones([3])), [3], [0, 0, 0]);
    for (
      const [B, H, T, S, d] of [[0, 1, 2, 2, 1], [1, 0, 2, 2, 1], [1, 1, 0, 2, 1], [1, 1, 2, 0, 1], [1, 1, 2, 2, 0]]
    ) {
      const [q, k] = [zeros([B, H, T, d]), zeros([B, H, S, d])];
      await expectTensor(attention(q, k, k), [B, H, T, d], new Array(q.size).fill(0));
      await expectTensor(derivative((k) => attention(q, k, k), k), [B, H, S, d], new Array(k.size).fill(0));
    }
  });

  it("a function that is computed again passes over empty parts", async () => {
    const again = checkpoint((x: Tensor) => sum(ops.exp(ops.broadcastTo(x, [0, 3]))));
    await expectTensor(grad(again)(tensor([1, 2, 3])), [3], [0, 0, 0]);
  });
});
