import { threefrySource } from "../../kernels/threefry.ts";
import { requireCount, requireShape, requireWhole, type Shape, sizeOf } from "../tensor/shape.ts";
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

/**
 * What random numbers are drawn from: two words of u32, shape `[2]`, made by `random.key()`, `random.split()` or
 * `random.foldIn()`. The same key gives the same numbers each time, so draw once from each.
 */
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

/** Random words of a shape, u32: the first or the second one of each position. */
export function randomBits(key: Key, shape: Shape, word: 0 | 1): Tensor {
  const counter = reshape(arange(sizeOf(requireShape("random", shape)), { dtype: "u32" }), shape);
  return words(key, counter, STREAM.draw, word, shape);
}

/**
 * Makes a key from a seed, a whole number from 0 to 2⁵³ − 1.
 *
 * Throws a RangeError where the seed is another number.
 *
 * @see [jax.random.key](https://docs.jax.dev/en/latest/_autosummary/jax.random.key.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const key = dd.random.key(0);
 * console.log(await dd.random.uniform(key, [2]).data()); // ≈ Float32Array [0.4185, 0.3147]
 * ```
 */
export function key(seed: number): Key {
  requireWhole("random.key: a seed", seed, { note: "to 2^53 - 1" });
  return makeTensor([2], "u32", { kind: "host", data: Uint32Array.of(Math.floor(seed / 2 ** 32), seed % 2 ** 32) });
}

/**
 * Makes independent keys from one, two by default. What is drawn from them has nothing to do with what is drawn from
 * the key itself.
 *
 * Throws a RangeError where `count` is no whole number from 0.
 *
 * @see [jax.random.split](https://docs.jax.dev/en/latest/_autosummary/jax.random.split.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const [forWeights, forDropout] = dd.random.split(dd.random.key(0));
 * console.log(await dd.random.uniform(forWeights, [2]).data()); // ≈ Float32Array [0.0806, 0.3806]
 * console.log(await dd.random.bernoulli(forDropout, 0.5, [2]).data()); // Uint32Array [0, 1]
 * ```
 */
export function splitKey(key: Key, count = 2): Key[] {
  requireCount("random.split", "the number of keys", count);
  const counter = expandDims(arange(count, { dtype: "u32" }), 1);
  return rows(words(key, counter, STREAM.split, arange(2, { dtype: "u32" }), [count, 2]));
}

function rows(keys: Tensor): Key[] {
  return Array.from({ length: keys.shape[0] }, (_, i) => reshape(slice(keys, { start: [i, 0], size: [1, 2] }), [2]));
}

/**
 * Makes a key from another one and a whole number from 0 to 2³² − 1, such as the step or the position of a layer. The
 * number may be a scalar tensor, so that a jitted function can fold in a step that is data.
 *
 * Throws a RangeError where the number is another one.
 *
 * @see [jax.random.fold_in](https://docs.jax.dev/en/latest/_autosummary/jax.random.fold_in.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const key = dd.random.key(0);
 * const ofStep = dd.random.foldIn(key, 7);
 * console.log(await dd.random.uniform(ofStep, [2]).data()); // ≈ Float32Array [0.1610, 0.9275]
 * ```
 */
export function foldIn(key: Key, data: number | Tensor): Key {
  if (typeof data === "number" && !(Number.isInteger(data) && data >= 0 && data < 2 ** 32)) {
    throw new RangeError(`random.foldIn: takes a whole number from 0 to 2^32 - 1, not ${data}`);
  }
  const counter = data instanceof Tensor ? cast(reshape(data, []), "u32") : asTensor(data, "u32");
  return words(key, counter, STREAM.fold, arange(2, { dtype: "u32" }), [2]);
}

/**
 * Makes the keys that {@linkcode foldIn} makes of 0, 1, … `count − 1`, computed together.
 *
 * Throws a RangeError where `count` is no whole number from 0.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const [, second] = dd.random.foldInEach(dd.random.key(0), 2);
 * const same = dd.random.foldIn(dd.random.key(0), 1);
 * console.log(await second.equal(same).data()); // Uint32Array [1, 1]
 * ```
 */
export function foldInEach(key: Key, count: number): Key[] {
  requireCount("random.foldInEach", "the number of keys", count);
  const counter = expandDims(arange(count, { dtype: "u32" }), 1);
  return rows(words(key, counter, STREAM.fold, arange(2, { dtype: "u32" }), [count, 2]));
}

/**
 * Draws uniform numbers from `min`, 0 by default, up to and without `max`, 1 by default, as f32 of a shape. They have
 * 24 random bits, and in [0, 1) they are the same on every device.
 *
 * Throws a TypeError where the key is no key, and a RangeError where the shape is none.
 *
 * @see [jax.random.uniform](https://docs.jax.dev/en/latest/_autosummary/jax.random.uniform.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.random.uniform(dd.random.key(0), [3], { min: -1, max: 1 });
 * console.log(await x.data()); // ≈ Float32Array [-0.1631, -0.3706, -0.2137]
 * ```
 */
export function uniform(
  key: Key,
  shape: Shape,
  options: { readonly min?: number; readonly max?: number } = {},
): Tensor {
  const { min = 0, max = 1 } = options;
  const unit = apply(unitPrimitive, [randomBits(key, shape, 0)], undefined);
  return min === 0 && max === 1 ? unit : unit.mul(max - min).add(min);
}

/**
 * Draws normally distributed numbers with mean `mean`, 0 by default, and standard deviation `std`, 1 by default, as f32
 * of a shape, by [Box and Muller's](https://doi.org/10.1214/aoms/1177706645) method. They differ between devices as
 * logarithms near 1 do, by some 10⁻³ at most.
 *
 * Throws a TypeError where the key is no key, and a RangeError where the shape is none.
 *
 * @see [jax.random.normal](https://docs.jax.dev/en/latest/_autosummary/jax.random.normal.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const W = dd.random.normal(dd.random.key(0), [2, 2], { std: 0.02 });
 * console.log(await W.data()); // ≈ Float32Array [-0.017, 0.000, 0.020, 0.032]
 * ```
 */
export function normal(
  key: Key,
  shape: Shape,
  options: { readonly mean?: number; readonly std?: number } = {},
): Tensor {
  const { mean = 0, std = 1 } = options;
  const radius = sub(1, apply(unitPrimitive, [randomBits(key, shape, 0)], undefined)).log().mul(-2).sqrt();
  const angle = apply(unitPrimitive, [randomBits(key, shape, 1)], undefined).mul(2 * Math.PI);
  return radius.mul(angle.cos()).mul(std).add(mean);
}

/**
 * Draws bool of a shape that are true with probability `p`, a number or a tensor that broadcasts to the shape.
 *
 * Throws a TypeError where the key is no key, and a RangeError where the shape is none.
 *
 * @see [jax.random.bernoulli](https://docs.jax.dev/en/latest/_autosummary/jax.random.bernoulli.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.random.bernoulli(dd.random.key(0), 0.5, [4]).data()); // Uint32Array [1, 1, 1, 0]
 * ```
 */
export function bernoulli(key: Key, p: number | Tensor, shape: Shape): Tensor {
  return less(uniform(key, shape), p);
}
