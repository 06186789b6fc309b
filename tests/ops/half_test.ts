import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import * as ops from "../../lib/ops/mod.ts";
import { stateOf, type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad, jit } from "../../lib/transform/mod.ts";
import { checkValue } from "../support/check_op.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { bits, expectClose, Numbers } from "../support/numbers.ts";

const SIZES = [1, 7, 63, 64, 65, 257];

/** Numbers rounded to f16, kept as f16 and as f32. */
function both(seed: number, shape: readonly number[]): { half: Tensor; full: Tensor } {
  const state = stateOf(new Numbers(seed).tensor(shape)) as { readonly data: Float32Array };
  const half = tensor(new Float16Array(state.data), { shape });
  return { half, full: tensor(Float32Array.from(new Float16Array(state.data)), { shape }) };
}

/** All f16 there are, NaN aside, in an order in which neighbours differ. */
function allHalves(): Float16Array<ArrayBuffer> {
  const found = Uint16Array.from({ length: 2 ** 16 }, (_, i) => Math.imul(i, 40503) & 0xffff);
  return new Float16Array(found.buffer).map((x) => Number.isNaN(x) ? 1 : x);
}

describe("f16", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("comes back as what was stored, all of it, small numbers and infinite ones too", async () => {
    const halves = allHalves();
    const x = tensor(halves);
    expect(x.dtype).toBe("f16");
    expect(await x.data()).toEqual(halves);
    expect(bits(await ops.cast(x, "f32").data())).toEqual(bits(halves));
    const moved = ops.reshape(ops.cast(ops.transpose(ops.reshape(x, [256, 256])), "f32"), [-1]);
    expect(bits(await moved.data())).toEqual(bits(halves.map((_, i) => halves[(i % 256) * 256 + (i >> 8)])));
  });

  it("of an f32 is the nearest one, ties to even, and infinite where there is none", async () => {
    const edges = [0, -0, 1, -1 / 3, 65504, 65519.996, 65520, -1e30, Infinity, -Infinity, 2 ** -14, 2 ** -24, 2 ** -25];
    const ties = [
      2 ** -25 * 1.0000001,
      3 * 2 ** -25,
      5 * 2 ** -26,
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      2 ** -15 + 2 ** -26,
    ];
    const numbers = new Numbers(3);
    const drawn = Array.from({ length: 1000 }, () => (numbers.next() - 0.5) * 2 ** (40 * numbers.next() - 26));
    const values = Float32Array.from([...edges, ...ties, ...ties.map((x) => -x), ...drawn]);
    const wanted = new Float16Array(values);
    for (const size of [...SIZES, values.length]) {
      const half = ops.cast(tensor(values.slice(0, size)), "f16");
      expect(bits(await half.data())).toEqual(bits(wanted.slice(0, size)));
      const both = await jit((x: Tensor) => ops.cast(x, "f16"))(tensor(values.slice(0, size)));
      expect(bits(await both.data())).toEqual(bits(wanted.slice(0, size)));
    }
    expect(await ops.cast(tensor([NaN]), "f16").data()).toEqual(Float16Array.of(NaN));
  });

  for (const columns of SIZES) {
    it(`matrices of ${columns} columns are read where they lie, whole, turned, cut and repeated`, async () => {
      const { half } = both(columns, [5, columns]);
      const f32 = (x: Tensor) => ops.cast(x, "f32");
      await checkValue(() => ops.mul(f32(half), 2));
      await checkValue(() => ops.sum(ops.square(f32(half)), { axis: 1 }));
      await checkValue(() => ops.sum(f32(half), { axis: 0 }));
      await checkValue(() => f32(ops.transpose(half)));
      await checkValue(() => ops.neg(f32(ops.slice(half, { start: [1, 0], size: [3, columns] }))));
      await checkValue(() =>
        ops.exp(f32(ops.slice(half, { start: [0, columns >> 1], size: [5, columns - (columns >> 1)] })))
      );
      await checkValue(() => ops.add(new Numbers(2).tensor([2, 5, columns]), f32(half)));
      await checkValue(() => ops.cast(half, "i32"));
      await checkValue(() => ops.cast(half, "bool"));
      await checkValue(() => ops.reshape(ops.transpose(half), [-1]));
    });

    it(`rows of ${columns} are looked up`, async () => {
      const { half, full } = both(columns + 1, [9, columns]);
      const ids = tensor([[3, 8, 0], [-1, 9, 3]], { dtype: "i32" });
      expect(await ops.embedding(half, ids).data()).toEqual(await ops.embedding(full, ids).data());
      expect(ops.embedding(half, ids).dtype).toBe("f32");
    });
  }

  const shapes = [[1, 1, 1], [7, 63, 5], [64, 65, 257], [65, 64, 64], [33, 257, 7], [257, 64, 36], [2, 12, 96]];
  for (const [m, k, n] of shapes) {
    it(`a second operand of ${k} × ${n} gives the bits of the same numbers in f32, forward and back`, async () => {
      const x = new Numbers(m).tensor([m, k]);
      for (const transposeB of [false, true]) {
        const { half, full } = both(n, transposeB ? [n, k] : [k, n]);
        const product = (x: Tensor, W: Tensor) => ops.matmul(x, W, { transposeB });
        await checkValue(() => product(x, half));
        expect(bits(await product(x, half).data())).toEqual(bits(await product(x, full).data()));
        const loss = (x: Tensor, W: Tensor) => ops.sum(ops.square(product(x, W)));
        const [got, wanted] = [grad(loss)(x, half), grad(loss)(x, full)] as Tensor[];
        expect(bits(await got.data())).toEqual(bits(await wanted.data()));
        const [Z, V] = [new Numbers(5).tensor([m, 3]), new Numbers(6).tensor([3, n])];
        const sum = (W: Tensor) => ops.matmulSum([x, transposeB ? ops.transpose(W) : W], [Z, V]);
        expect(bits(await sum(half).data())).toEqual(bits(await sum(full).data()));
      }
    });
  }

  it("products in batches, by slices and by turned matrices agree with f32", async () => {
    const x = new Numbers(1).tensor([2, 3, 8, 12]);
    const { half, full } = both(2, [3, 12, 20]);
    const { half: wide, full: wideFull } = both(3, [40, 31]);
    const cut = (W: Tensor) => ops.slice(W, { start: [3, 2], size: [12, 29] });
    const pairs: [Tensor, Tensor][] = [
      [ops.matmul(x, half), ops.matmul(x, full)],
      [ops.matmul(x, cut(wide)), ops.matmul(x, cut(wideFull))],
      [
        ops.matmul(ops.reshape(x, [12, 48]), ops.reshape(half, [48, 15])),
        ops.matmul(ops.reshape(x, [12, 48]), ops.reshape(full, [48, 15])),
      ],
    ];
    for (const [got, wanted] of pairs) expectClose(await got.data(), await wanted.data(), 1e-6);
  });

  it("in a texture gives the bits of f32, and the copy is of f16", async () => {
    const device = await testDevice();
    const x = new Numbers(1).tensor([256, 256]);
    const { half, full } = both(2, [256, 256]);
    const layer = (x: Tensor, W: Tensor) => ops.gelu(ops.matmul(x, W, { transposeB: true }));
    const all = (x: Tensor, W: Tensor) => [layer(x, W), grad((x: Tensor) => ops.sum(ops.square(layer(x, W))))(x)];
    const [compiled, plain] = [jit(all), jit(all)];
    const [got, wanted] = [await compiled(x, half) as Tensor[], await plain(x, full) as Tensor[]];
    for (const [i, part] of got.entries()) expect(bits(await part.data())).toEqual(bits(await wanted[i].data()));
    const [memory] = compiled.memory();
    const bytesOf = (kind: string) => memory.items.filter((item) => item.kind === kind).map(({ bytes }) => bytes);
    expect(bytesOf("argument").toSorted()).toEqual([2 * 256 * 256, 4 * 256 * 256].toSorted());
    if (device.report.name.includes("llvmpipe") && device.report.subgroupSize > 0) {
      expect(bytesOf("texture")).toEqual([2 * 256 * 256]);
    }
    compiled.dispose();
    plain.dispose();
  });

  it("lets derivatives through its rounding", async () => {
    const x = new Numbers(1).tensor([5, 7]);
    const f = (x: Tensor) => ops.sum(ops.square(ops.cast(ops.cast(x, "f16"), "f32")));
    const rounded = Float32Array.from(new Float16Array(await x.data()), (y) => 2 * y);
    expect(await (grad(f)(x) as Tensor).data()).toEqual(rounded);
  });

  it("is refused by operations that would compute in it, by name", () => {
    const { half } = both(1, [4, 4]);
    const x = new Numbers(1).tensor([4, 4]);
    expect(() => ops.add(half, half)).toThrow(/add: needs .* got f16 \[4, 4\]: cast\(x, "f32"\)\?/);
    expect(() => ops.sum(half)).toThrow('sum: f16 is for storing alone, sums are f32: cast(x, "f32")');
    expect(() => ops.concat([half, half])).toThrow("f16 is for storing alone");
    expect(() => ops.zeros([4], { dtype: "f16" })).toThrow("f16 is for storing alone");
    expect(() => ops.matmul(half, x)).toThrow("matmul: needs f32, and got f16");
    expect(() => ops.addLowRank(half, { left: x, right: x, scale: 1 })).toThrow("addLowRank: needs f32, and got f16");
  });
});
