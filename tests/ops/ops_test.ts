import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { jit } from "../../lib/transform/mod.ts";
import * as ops from "../../lib/ops/mod.ts";
import { reference } from "../../lib/ops/reference.ts";
import { useDevice } from "../../lib/compile/open_device.ts";
import { Runtime } from "../../lib/compile/run/runtime.ts";
import { setExecutor } from "../../lib/tensor/executor.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad } from "../../lib/transform/grad.ts";
import { checkDerivative, checkValue } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { bits, expectClose, Numbers } from "../support/numbers.ts";
import { inputsOf, TABLE } from "./table.ts";

/** The same device as one without subgroups, so that the plain variants run. */
async function withoutSubgroups(run: () => Promise<void>): Promise<void> {
  const device = await testDevice();
  setExecutor(new Runtime(device, { target: { subgroupSize: 0 } }));
  try {
    await run();
  } finally {
    useDevice(device);
  }
}

describe("operations", () => {
  beforeAll(async () => void await testDevice());

  for (const row of TABLE) {
    const { name, f, flat } = row;
    const inputs = () => inputsOf(row);
    it(`${name} is what float64 gives`, async () => {
      await testDevice();
      await checkValue(() => f(...inputs()));
    });
    if (!flat) {
      it(`${name} has the derivative of its differences`, async () => {
        await testDevice();
        await checkDerivative(f, inputs());
      });
    }
  }

  it("rows and products without subgroups are what float64 gives", async () => {
    await testDevice();
    await withoutSubgroups(async () => {
      for (
        const { name, f, shapes, min, max } of TABLE.filter((row) =>
          /matmul|oftmax|normalize|addLowRank|logProbability/.test(row.name)
        )
      ) {
        const numbers = new Numbers(3);
        const inputs = shapes.map((shape) => numbers.tensor(shape, { min, max }));
        await checkValue(() => f(...inputs)).catch((error) => {
          throw new Error(`${name}: ${error.message}`);
        });
        await checkDerivative(f, inputs);
      }
    });
  });

  it("matmul has the same bits with and without subgroups", async () => {
    await testDevice();
    const numbers = new Numbers(5);
    const [a, b] = [numbers.tensor([70, 64]), numbers.tensor([64, 68])];
    const first = await ops.matmul(a, b).data();
    await withoutSubgroups(async () => expect(bits(await ops.matmul(a, b).data())).toEqual(bits(first)));
  });

  it("integers wrap, divide towards zero and compare", async () => {
    await testDevice();
    const [a, b] = [tensor(Int32Array.of(7, -7, 2, 0)), tensor(Int32Array.of(2, 2, -3, 5))];
    expect(Array.from(await ops.div(a, b).data())).toEqual([3, -3, 0, 0]);
    expect(Array.from(await ops.add(a, b).data())).toEqual([9, -5, -1, 5]);
    expect(Array.from(await ops.cast(a, "f32").data())).toEqual([7, -7, 2, 0]);
    expect(Array.from(await ops.maximum(a, b).data())).toEqual([7, 2, 2, 5]);
  });

  it("a copy has the elements of every dtype in memory of its own, or of another dtype", async () => {
    await testDevice();
    for (const dtype of ["f32", "f16", "i32", "u32", "bool"] as const) {
      const x = tensor([0, 1, 1], { dtype });
      const y = ops.copy(x);
      const wide = x.copy({ dtype: "f32" });
      x.dispose();
      expect([y.dtype, Array.from(await y.data())]).toEqual([dtype, [0, 1, 1]]);
      expect([wide.dtype, Array.from(await wide.data())]).toEqual(["f32", [0, 1, 1]]);
    }
  });

  it("a donated copy leaves the tensor as it is", async () => {
    await testDevice();
    const x = tensor(Float32Array.from({ length: 3000 }, (_, i) => i));
    const addOne = jit((x: Tensor) => ops.add(x, 1), { donate: [0] });
    expect((await (await addOne(ops.copy(x))).data())[2999]).toBe(3000);
    expect((await x.data())[2999]).toBe(2999);
  });

  it("softmax sums to one on a row of -Infinity and one finite value", async () => {
    await testDevice();
    const x = tensor([[-Infinity, 3, -Infinity, -Infinity, -Infinity]]);
    expect(Array.from(await ops.softmax(x).data())).toEqual([0, 1, 0, 0, 0]);
  });

  it("argmax takes the first among equals", async () => {
    await testDevice();
    expect(Array.from(await ops.argmax(tensor([[1, 3, 3], [2, 2, 2]])).data())).toEqual([1, 0]);
    expect(Array.from(await ops.argmax(tensor([[1, 3], [3, 2], [3, 1]]), { axis: 0 }).data())).toEqual([1, 0]);
  });

  it("oneHot gives a row of zeros for an id outside", async () => {
    await testDevice();
    expect(Array.from(await ops.oneHot(tensor(Int32Array.of(1, -100)), 3).data())).toEqual([0, 1, 0, 0, 0, 0]);
  });

  it("embedding gives NaN for an id outside of the table, and adds nothing there", async () => {
    await testDevice();
    const [table, ids] = [tensor([[1, 2], [3, 4]]), tensor(Int32Array.of(1, 7, -1))];
    expect(Array.from(await ops.embedding(table, ids).data())).toEqual([3, 4, NaN, NaN, NaN, NaN]);
    const derivative = grad((t: Tensor) => ops.sum(ops.embedding(t, ids)))(table);
    expect(Array.from(await derivative.data())).toEqual([0, 0, 1, 1]);
  });

  it("the derivative of embedding has the same bits every time", async () => {
    await testDevice();
    const numbers = new Numbers(2);
    const [table, ids, probe] = [numbers.tensor([5, 8]), numbers.ids([300], 5), numbers.tensor([300, 8])];
    const once = () => grad((t: Tensor) => ops.sum(ops.mul(ops.embedding(t, ids), probe)))(table).data();
    expect(bits(await once())).toEqual(bits(await once()));
  });

  it("addLowRank keeps W's bits at scale 0, also where the product is not finite", async () => {
    await testDevice();
    const W = tensor([[-0, 1], [2, 3e-40]]);
    const result = ops.addLowRank(W, { left: tensor([[Infinity], [1]]), right: tensor([[1, NaN]]), scale: tensor(0) });
    expect(bits(await result.data())).toEqual(bits(await W.data()));
  });

  it("NaN stays NaN in tanh, maximum, minimum and in reductions, wherever it stands", async () => {
    await testDevice();
    const values = async (x: Tensor) => Array.from(await x.data());
    const [x, y] = [tensor([1, NaN, NaN, 2, 0]), tensor([NaN, 1, NaN, 3, -1])];
    expect(await values(ops.tanh(x))).toEqual([
      expect.closeTo(Math.tanh(1)),
      NaN,
      NaN,
      expect.closeTo(Math.tanh(2)),
      0,
    ]);
    expect(await values(ops.maximum(x, y))).toEqual([NaN, NaN, NaN, 3, 0]);
    expect(await values(ops.minimum(x, y))).toEqual([NaN, NaN, NaN, 2, -1]);
    for (const columns of [3, 4, 300]) {
      for (const at of [0, 1, columns - 1]) {
        const row = Array.from({ length: columns }, (_, i) => i === at ? NaN : i);
        const rows = tensor([row, row.map((_, i) => i)]);
        const last = columns - 1;
        expect(await values(ops.max(rows, { axis: 1 }))).toEqual([NaN, last]);
        expect(await values(ops.argmax(rows))).toEqual([at, last]);
        expect(await values(ops.min(ops.transpose(rows), { axis: 0 }))).toEqual([NaN, 0]);
        expect(await values(ops.sum(rows, { axis: 1 }))).toEqual([NaN, columns * last / 2]);
      }
    }
  });

  it("where ignores NaN in what it does not choose", async () => {
    await testDevice();
    const x = tensor([0, 4]);
    const safe = (y: Tensor) => ops.where(ops.greater(y, 0), ops.sqrt(ops.where(ops.greater(y, 0), y, 1)), 0);
    expect(Array.from(await safe(x).data())).toEqual([0, 2]);
    expect(Array.from(await grad((y: Tensor) => ops.sum(safe(y)))(x).data())).toEqual([0, 0.25]);
  });

  it("maximum shares its derivative among equals, as PyTorch does", async () => {
    await testDevice();
    const [a, b] = [tensor([1, 2]), tensor([1, 3])];
    expect(Array.from(await grad((x: Tensor) => ops.sum(ops.maximum(x, b)))(a).data())).toEqual([0.5, 0]);
  });

  it("derivatives can be differentiated again", async () => {
    await testDevice();
    const x = tensor([0.5, -1]);
    const cube = (y: Tensor) => ops.sum(ops.mul(ops.square(y), y));
    const second = grad((y: Tensor) => ops.sum(grad(cube)(y)));
    expectClose(await second(x).data(), [3, -6]);
  });

  it("errors name the operation, the shapes and the reason", () => {
    const [a, b] = [ops.zeros([32, 128]), ops.zeros([64, 256])];
    expect(() => ops.matmul(a, b, { transposeB: true })).toThrow(
      "matmul: inner sizes differ: [32, 128] · [64, 256]ᵀ (128 ≠ 256)",
    );
    expect(() => ops.add(a, b)).toThrow("add: shapes [32, 128] and [64, 256] do not broadcast");
    expect(() => ops.reshape(a, [5, -1])).toThrow(RangeError);
    expect(() => ops.add(a, ops.zeros([128], { dtype: "i32" }))).toThrow(TypeError);
    expect(() => ops.concat([a, b])).toThrow("does not join");
    expect(() => ops.slice(a, { start: [0, 0], size: [33, 1] })).toThrow("not inside");
  });
});

describe("random numbers", () => {
  it("the same key gives threefry's integers, those of JAX", async () => {
    await testDevice();
    // jax.random.bits(jax.random.key(0)…) uses another counter layout: the block function itself is what is published.
    const { threefryReference } = await import("../../lib/ops/random.ts");
    expect(threefryReference(0, 0, 0, 0)).toEqual([0x6b200159, 0x99ba4efe]);
    expect(threefryReference(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff)).toEqual([0x1cb996fc, 0xbb002be7]);
    expect(threefryReference(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)).toEqual([0xc4923a9c, 0x483df7a0]);
  });

  it("uniform numbers have their bits on the device, and mean and variance of their distribution", async () => {
    await testDevice();
    const draw = ops.random.uniform(ops.random.key(42), [4096]);
    const wanted = reference(draw).data;
    const got = Array.from(await draw.data());
    expect(got).toEqual(Array.from(wanted));
    const mean = got.reduce((a, b) => a + b, 0) / got.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / 4096));
  });

  it("normal and Bernoulli numbers have mean and spread of their distribution", async () => {
    await testDevice();
    const normal = Array.from(await ops.random.normal(ops.random.key(1), [4096]).data());
    const mean = normal.reduce((a, b) => a + b, 0) / 4096;
    const variance = normal.reduce((a, b) => a + (b - mean) ** 2, 0) / 4096;
    expect(Math.abs(mean)).toBeLessThan(4 / 64);
    expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / 4096));
    const coins = Array.from(await ops.random.bernoulli(ops.random.key(2), 0.25, [4096]).data());
    expect(Math.abs(coins.reduce((a, b) => a + b, 0) / 4096 - 0.25)).toBeLessThan(4 * Math.sqrt(0.1875 / 4096));
  });

  it("keys that were split or folded differ from each other and from their origin", async () => {
    await testDevice();
    const key = ops.random.key(3);
    const keys = [key, ...ops.random.split(key, 3), ops.random.foldIn(key, 0), ops.random.foldIn(key, 1)];
    const seen = new Set(await Promise.all(keys.map(async (k) => (await k.data()).join())));
    expect(seen.size).toBe(keys.length);
  });
});
