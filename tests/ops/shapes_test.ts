import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import * as ops from "../../lib/ops/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";
import { deviceIdle, testDevice } from "../support/device.ts";

const WRONG = [[-1], [5 / 2], [1, 5, -2, -1], [NaN], [Infinity], [2 ** 53], [2 ** 16, 2 ** 16]];

describe("shapes, axes and places", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  const one = () => tensor([1]);
  const makers: Record<string, (shape: readonly number[]) => unknown> = {
    zeros: (shape) => ops.zeros(shape),
    ones: (shape) => ops.ones(shape),
    full: (shape) => ops.full(shape, 1),
    broadcastTo: (shape) => ops.broadcastTo(one(), shape),
    "random.uniform": (shape) => ops.random.uniform(ops.random.key(0), shape),
    "random.normal": (shape) => ops.random.normal(ops.random.key(0), shape),
    "random.bernoulli": (shape) => ops.random.bernoulli(ops.random.key(0), 0.5, shape),
    tensor: (shape) => tensor([1], { shape }),
  };
  for (const [name, make] of Object.entries(makers)) {
    it(`${name} refuses at once what is no shape, by its name`, () => {
      for (const shape of WRONG) {
        expect(() => make(shape)).toThrow(RangeError);
        expect(() => make(shape)).toThrow(`${name.split(".")[0]}: [${shape.join(", ")}]`);
      }
    });
  }

  it("reshape refuses sizes that are no whole numbers, and more than one that is to be found", () => {
    const x = ops.ones([4]);
    for (const shape of [[8, 0.5], [-2, -2], [-1, -1], [-1, 3], [-1, 0], [NaN, 4], [-4, -1]]) {
      expect(() => ops.reshape(x, shape)).toThrow(RangeError);
      expect(() => ops.reshape(x, shape)).toThrow(`reshape: [`);
    }
  });

  it("places between elements and numbers of parts that are none are refused", () => {
    const x = ops.ones([4, 2]);
    const wrong: (() => unknown)[] = [
      () => ops.slice(x, { start: [0.5, 0], size: [1, 1] }),
      () => ops.slice(x, { start: [0, 0], size: [1.5, 1] }),
      () => ops.slice(x, { start: [0, NaN], size: [1, 1] }),
      () => ops.slice(x, { start: [0, 0], size: [-2, 1] }),
      () => ops.slice(x, { start: [0], size: [-1] }),
      () => ops.select(x, { axis: 0, index: 0.5 }),
      () => ops.select(x, { axis: 0, index: 4 }),
      () => ops.select(x, { axis: 0, index: -5 }),
      () => ops.split(x, { sections: 1.5 }),
      () => ops.split(x, { sections: -1 }),
      () => ops.split(x, { sections: 0 }),
      () => ops.split(x, { sections: [3, -1] }),
      () => ops.split(x, { sections: [1.5, 0.5] }),
      () => ops.arange(-1),
      () => ops.arange(2.5),
      () => ops.oneHot(ops.arange(2), -1),
      () => ops.oneHot(ops.arange(2), 1.5),
      () => ops.random.split(ops.random.key(0), 1.5),
      () => ops.random.foldIn(ops.random.key(0), -1),
      () => ops.random.foldIn(ops.random.key(0), 0.5),
      () => ops.transpose(x, [0.5, 1]),
      () => ops.transpose(x, [0, 0]),
      () => ops.sum(x, { axis: 0.5 }),
      () => ops.sum(x, { axis: 2 }),
      () => ops.softmax(x, { axis: -3 }),
      () => ops.expandDims(x, 4),
      () => ops.squeeze(x, 0),
      () => ops.concat([x, x], { axis: NaN }),
      () => ops.stack([x, x], { axis: 1.5 }),
    ];
    for (const call of wrong) {
      expect(call).toThrow(RangeError);
      expect(call).toThrow(/^(?!internal)[\w.]+: /);
    }
  });

  it("operands whose common shape has more elements than kernels count are refused", () => {
    const [column, row] = [ops.ones([2 ** 17, 1]), ops.ones([1, 2 ** 17])];
    expect(() => ops.add(column, row)).toThrow("add: [131072, 131072] has more than 4,294,967,295 elements");
    expect(() => ops.matmul(ops.ones([2 ** 17, 2]), ops.ones([2, 2 ** 17]))).toThrow(
      "matmul: [131072, 131072] has more",
    );
    expect(() => ops.concat([ops.ones([2 ** 31]), ops.ones([2 ** 31])])).toThrow("concat: [4294967296] has more than");
  });

  it("what was refused leaves later calls alone", async () => {
    for (const shape of WRONG) expect(() => ops.full(shape, 1)).toThrow(RangeError);
    for (let i = 0; i < 3; i++) expect(Array.from(await ops.add(tensor([1, 2]), i).data())).toEqual([1 + i, 2 + i]);
  });
});
