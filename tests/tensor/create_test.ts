import { expect } from "expect";
import fc from "fast-check";
import { describe, it } from "@std/testing/bdd";
import { type HostArray, type NestedArray, tensor, type TypedArray } from "../../lib/tensor/mod.ts";

describe("tensor()", () => {
  it("takes its shape from the nesting", async () => {
    const cases: readonly [NestedArray, readonly number[]][] = [
      [3, []],
      [[], [0]],
      [[[], []], [2, 0]],
      [[1, 2, 3], [3]],
      [[[1, 2, 3], [4, 5, 6]], [2, 3]],
      [[[[1], [2]], [[3], [4]], [[5], [6]]], [3, 2, 1]],
    ];
    for (const [data, shape] of cases) {
      const x = tensor(data);
      expect(x.shape).toEqual(shape);
      expect([x.rank, x.size, x.dtype]).toEqual([shape.length, shape.reduce((a, b) => a * b, 1), "f32"]);
      expect(Array.from(await x.data())).toEqual([data].flat(5));
    }
  });

  it("holds nested arrays of any shape in row-major order", async () => {
    const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
    await fc.assert(fc.asyncProperty(shapes, async (shape) => {
      let count = 0;
      const nest = (axes: readonly number[]): NestedArray =>
        axes.length === 0 ? count++ : Array.from({ length: axes[0] }, () => nest(axes.slice(1)));
      const x = tensor(nest(shape));
      // What stands behind an empty axis is not to be seen in nested arrays.
      const seen = shape.includes(0) ? shape.slice(0, shape.indexOf(0) + 1) : shape;
      expect(x.shape).toEqual(seen);
      expect(Array.from(await x.data())).toEqual(Array.from({ length: count }, (_, i) => i));
    }));
  });

  it("takes its dtype from typed arrays and booleans", async () => {
    const cases: readonly [NestedArray | HostArray, string, TypedArray][] = [
      [Float32Array.of(0.5), "f32", Float32Array.of(0.5)],
      [Float64Array.of(0.1), "f32", Float32Array.of(0.1)],
      [Int32Array.of(-7), "i32", Int32Array.of(-7)],
      [Int8Array.of(-128, 127), "i32", Int32Array.of(-128, 127)],
      [Int16Array.of(-(2 ** 15), 2 ** 15 - 1), "i32", Int32Array.of(-(2 ** 15), 2 ** 15 - 1)],
      [Uint8Array.of(0, 255), "u32", Uint32Array.of(0, 255)],
      [Uint8ClampedArray.of(0, 255), "u32", Uint32Array.of(0, 255)],
      [Uint16Array.of(65535), "u32", Uint32Array.of(65535)],
      [BigInt64Array.of(-(2n ** 31n), 7n), "i32", Int32Array.of(-(2 ** 31), 7)],
      [BigUint64Array.of(2n ** 32n - 1n), "u32", Uint32Array.of(2 ** 32 - 1)],
      [Float16Array.of(0.5), "f16", Float16Array.of(0.5)],
      [Uint32Array.of(2 ** 32 - 1), "u32", Uint32Array.of(2 ** 32 - 1)],
      [[[true], [false]], "bool", Uint32Array.of(1, 0)],
      [[1, 0], "f32", Float32Array.of(1, 0)],
    ];
    for (const [data, dtype, wanted] of cases) {
      const x = tensor(data);
      expect(x.dtype).toBe(dtype);
      expect(await x.data()).toEqual(wanted);
    }
  });

  it("converts to the dtype that is asked for, as typed arrays do", async () => {
    expect(await tensor([2.7, -2.7], { dtype: "i32" }).data()).toEqual(Int32Array.of(2, -2));
    expect(await tensor([-1, 3], { dtype: "u32" }).data()).toEqual(Uint32Array.of(2 ** 32 - 1, 3));
    expect(await tensor([0, 0.5, -3, NaN], { dtype: "bool" }).data()).toEqual(Uint32Array.of(0, 1, 1, 0));
    expect(await tensor(Int32Array.of(1, 2), { dtype: "f32" }).data()).toEqual(Float32Array.of(1, 2));
    expect(await tensor([true, false], { dtype: "f32" }).data()).toEqual(Float32Array.of(1, 0));
  });

  it("refuses integers of 64 bits that do not fit, and views without elements", async () => {
    expect(() => tensor(BigInt64Array.of(2n ** 31n))).toThrow("tensor: 2147483648 is out of the range of i32");
    expect(() => tensor(BigInt64Array.of(-1n), { dtype: "u32" })).toThrow("tensor: -1 is out of the range of u32");
    expect(await tensor(BigInt64Array.of(2n ** 40n), { dtype: "f32" }).item()).toBe(2 ** 40);
    expect(() => tensor(new DataView(new ArrayBuffer(4)) as never)).toThrow("tensor: a DataView has no elements");
  });

  it("takes another shape for the same number of elements", async () => {
    const x = tensor(Float32Array.of(1, 2, 3, 4, 5, 6), { shape: [3, 2] });
    expect(x.shape).toEqual([3, 2]);
    expect(tensor([[1, 2], [3, 4]], { shape: [4, 1] }).shape).toEqual([4, 1]);
    expect(await tensor([5], { shape: [] }).item()).toBe(5);
  });

  it("copies what it is given, and hands out copies", async () => {
    const given = Float32Array.of(1, 2);
    const x = tensor(given);
    given[0] = 9;
    const first = await x.data();
    first[1] = 9;
    expect(Array.from(await x.data())).toEqual([1, 2]);
  });

  it("refuses ragged arrays, shapes that do not fit and shapes that are none", () => {
    for (const ragged of [[[1, 2], [3]], [[1], 2], [1, [2]], [[[1]], [[1, 2]]], [[], [1]]]) {
      expect(() => tensor(ragged as NestedArray)).toThrow("tensor: nested arrays differ in length");
    }
    expect(() => tensor([1, 2, 3], { shape: [2, 2] })).toThrow("tensor: 3 elements do not fill shape [2, 2]");
    expect(() => tensor([1], { shape: [] })).not.toThrow();
    for (const shape of [[-1, -3], [1.5, 2], [NaN], [Infinity]]) {
      expect(() => tensor([1, 2, 3], { shape })).toThrow("is no shape: sizes are whole numbers from 0");
    }
  });

  it("refuses elements that are neither numbers nor booleans, and says what they are", () => {
    // What callers without types may pass.
    const untyped = tensor as (data: unknown) => unknown;
    expect(() => untyped([["1"]])).toThrow("tensor: an element is 1, and must be a number or a boolean");
    expect(() => untyped([Float32Array.of(1, 2)])).toThrow("an element is a Float32Array");
    expect(() => untyped([undefined])).toThrow(TypeError);
    expect(() => untyped({ 0: 1 })).toThrow("an element is a Object");
  });

  it("prints its dtype and shape", () => {
    expect(String(tensor([[1, 2]]))).toBe("Tensor f32 [1, 2]");
    expect(String(tensor(true))).toBe("Tensor bool []");
  });
});
