import { threefrySource } from "../../kernels/threefry.ts";
import { requireCount, requireShape, type Shape, sizeOf } from "../tensor/shape.ts";
import { makeTensor, Tensor } from "../tensor/tensor.ts";
import { arange } from "./arange.ts";
import { sub } from "./arithmetic.ts";
import { broadcastTo } from "./broadcast.ts";
import { cast } from "./cast.ts";
import { less } from "./compare.ts";
import { asTensor } from "./constant.ts";
import { elementwise } from "./elementwise.ts";
import { apply, type Primitive } from "./primitive.ts";
import { expandDims, reshape } from "./reshape.ts";
import { select, slice } from "./slice.ts";

/** What random functions draw from: two u32 words. The same key gives the same numbers; draw once from each. */
export type Key = Tensor;

/** What a counter counts, so that draws, splits and folds of one key never meet. */
const STREAM = { draw: 0, split: 1, fold: 2 } as const;

const ROTATIONS = [[13, 15, 26, 6], [17, 29, 16, 24]];

/** One word of threefry2x32 with 20 rounds (Salmon et al. 2011), the way JAX uses it. */
export function threefryReference(k0: number, k1: number, c0: number, c1: number): [number, number] {
  const keys = [k0, k1, (k0 ^ k1 ^ 0x1bd11bda) >>> 0];
  let x = (c0 + k0) >>> 0;
  let y = (c1 + k1) >>> 0;
  for (let group = 0; group < 5; group++) {
    for (const r of ROTATIONS[group % 2]) {
      x = (x + y) >>> 0;
      y = (((y << r) | (y >>> (32 - r))) ^ x) >>> 0;
    }
    x = (x + keys[(group + 1) % 3]) >>> 0;
    y = (y + keys[(group + 2) % 3] + group + 1) >>> 0;
  }
  return [x, y];
}

/** A word of threefry2x32 by key words, counter words and the number of the word. */
export const threefryPrimitive: Primitive<undefined> = elementwise({
  name: "threefry",
  wgsl: "threefry($0, $1, $2, $3, $4)",
  prelude: threefrySource,
  reference: (k0, k1, c0, c1, word) => threefryReference(k0, k1, c0, c1)[word ? 1 : 0],
  vjp: () => [],
});

/** The upper 24 bits of a word as a number in [0, 1). */
export const unitPrimitive: Primitive<undefined> = elementwise({
  name: "unit",
  wgsl: (args, { type }) => `(${type("f32")}(${args[0]} >> ${type("u32")}(8u)) * 5.9604644775390625e-8)`,
  reference: (bits) => Math.floor(bits / 256) / 2 ** 24,
  dtype: "f32",
  vjp: () => [undefined],
});

function words(key: Key, counter: Tensor, stream: number, word: Tensor | number, shape: Shape): Tensor {
  if (key.dtype !== "u32" || key.size !== 2) {
    throw new TypeError(`random: needs a key as random.key(seed) makes it, and got ${key}`);
  }
  const inputs = [select(key, { axis: 0, index: 0 }), select(key, { axis: 0, index: 1 }), counter, stream, word];
  return apply(threefryPrimitive, inputs.map((x) => broadcastTo(asTensor(x, "u32"), shape)), undefined);
}

function bits(key: Key, shape: Shape, word: number): Tensor {
  const counter = reshape(arange(sizeOf(requireShape("random", shape)), { dtype: "u32" }), shape);
  return words(key, counter, STREAM.draw, word, shape);
}

/** A key from a seed, a whole number from 0 to 2⁵³ − 1. */
export function key(seed: number): Key {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`random.key: a seed is a whole number from 0 to 2^53 - 1, not ${seed}`);
  }
  return makeTensor([2], "u32", { kind: "host", data: Uint32Array.of(Math.floor(seed / 2 ** 32), seed % 2 ** 32) });
}

/** Independent keys from one. */
export function splitKey(key: Key, count = 2): Key[] {
  requireCount("random.split", "the number of keys", count);
  const counter = expandDims(arange(count, { dtype: "u32" }), 1);
  return rows(words(key, counter, STREAM.split, arange(2, { dtype: "u32" }), [count, 2]));
}

function rows(keys: Tensor): Key[] {
  return Array.from({ length: keys.shape[0] }, (_, i) => reshape(slice(keys, { start: [i, 0], size: [1, 2] }), [2]));
}

/** A key for a whole number from 0 to 2³² − 1, such as the step or a layer's position. */
export function foldIn(key: Key, data: number | Tensor): Key {
  if (typeof data === "number" && !(Number.isInteger(data) && data >= 0 && data < 2 ** 32)) {
    throw new RangeError(`random.foldIn: takes a whole number from 0 to 2^32 - 1, not ${data}`);
  }
  const counter = data instanceof Tensor ? cast(reshape(data, []), "u32") : asTensor(data, "u32");
  return words(key, counter, STREAM.fold, arange(2, { dtype: "u32" }), [2]);
}

/** What {@linkcode foldIn} gives for 0, 1, … up to a count, computed together. */
export function foldInEach(key: Key, count: number): Key[] {
  requireCount("random.foldInEach", "the number of keys", count);
  const counter = expandDims(arange(count, { dtype: "u32" }), 1);
  return rows(words(key, counter, STREAM.fold, arange(2, { dtype: "u32" }), [count, 2]));
}

/** Uniform numbers in [min, max), [0, 1) by default, with 24 random bits: the same on every device for [0, 1). */
export function uniform(
  key: Key,
  shape: Shape,
  options: { readonly min?: number; readonly max?: number } = {},
): Tensor {
  const { min = 0, max = 1 } = options;
  const unit = apply(unitPrimitive, [bits(key, shape, 0)], undefined);
  return min === 0 && max === 1 ? unit : unit.mul(max - min).add(min);
}

/** Normal numbers by Box and Muller's method; they differ between devices as logarithms near 1 do, by some 10⁻³ at most. */
export function normal(
  key: Key,
  shape: Shape,
  options: { readonly mean?: number; readonly std?: number } = {},
): Tensor {
  const { mean = 0, std = 1 } = options;
  const radius = sub(1, apply(unitPrimitive, [bits(key, shape, 0)], undefined)).log().mul(-2).sqrt();
  const angle = apply(unitPrimitive, [bits(key, shape, 1)], undefined).mul(2 * Math.PI);
  return radius.mul(angle.cos()).mul(std).add(mean);
}

/** True with probability `p`, as bool. */
export function bernoulli(key: Key, p: number | Tensor, shape: Shape): Tensor {
  return less(uniform(key, shape), p);
}
