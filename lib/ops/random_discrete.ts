import { scaledWordSource } from "../../kernels/scaled_word.ts";
import type { AxisOption } from "../tensor/operation_options.ts";
import { formatShape, normalizeAxis, requireCount, type Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { arange } from "./arange.ts";
import { argmax } from "./argmax.ts";
import { maximum, sub } from "./arithmetic.ts";
import { broadcastTo } from "./broadcast.ts";
import { cast } from "./cast.ts";
import { constant } from "./constant.ts";
import { elementwise, requireDType } from "./elementwise.ts";
import { apply, type Primitive } from "./primitive.ts";
import { type Key, randomBits, splitKey, uniform } from "./random.ts";
import { reshape } from "./reshape.ts";
import { argsort } from "./sort.ts";
import { takeAlong } from "./take_along.ts";
import { where } from "./where.ts";

/** A whole number below a limit, the third input, from two random words: ⌊(high · 2³² + low) · limit / 2⁶⁴⌋. */
export const scaledWordPrimitive: Primitive<undefined> = elementwise({
  name: "scaledWord",
  wgsl: "scaledWord($0, $1, $2)",
  prelude: scaledWordSource,
  reference: () => NaN,
  integers: (high, low, limit) => Number((((BigInt(high) << 32n) | BigInt(low)) * BigInt(limit)) >> 64n),
  vjp: () => [],
});

/** Bounds of what {@linkcode integers} draws. */
export interface IntegersOptions {
  /** The least number, 0 by default. */
  readonly min?: number;
  /** What all numbers lie below; at most 2³¹. */
  readonly max: number;
}

/**
 * Draws whole numbers from `min`, 0 by default, up to and without `max`, as i32 of a shape: the same on every device. Each
 * is the share of `max − min` that a 64-bit number has of 2⁶⁴, so that no number is more likely than another one by more
 * than a factor of 1 + 2⁻³².
 *
 * Throws a RangeError where the bounds are no whole numbers of i32, or nothing lies between them.
 *
 * @see [jax.random.randint](https://docs.jax.dev/en/latest/_autosummary/jax.random.randint.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.random.integers(dd.random.key(0), [5], { min: 1, max: 7 }).data()); // Int32Array [3, 2, 3, 5, 5]
 * ```
 */
export function integers(key: Key, shape: Shape, options: IntegersOptions): Tensor {
  const { min = 0, max } = options;
  const areBounds = [min, max].every((bound) => Number.isInteger(bound)) && min >= -(2 ** 31) && max <= 2 ** 31;
  if (!areBounds || min >= max) {
    throw new RangeError(`random.integers: draws from whole numbers in [-2^31, 2^31), not from [${min}, ${max})`);
  }
  const high = randomBits(key, shape, 0);
  // All words there are need no share.
  const isAll = max - min === 2 ** 32;
  const limit = () => broadcastTo(constant(max - min, "u32"), high.shape);
  const drawn = isAll ? high : apply(scaledWordPrimitive, [high, randomBits(key, shape, 1), limit()], undefined);
  return cast(drawn, "i32").add(min);
}

/** −log(1 − w) of w in [0, 1); by its series where w is small, as logarithms near 1 are inexact on some devices. */
function exponential(w: Tensor): Tensor {
  const series = w.mul(w.mul(w.mul(w.mul(1 / 4).add(1 / 3)).add(1 / 2)).add(1));
  return where(w.less(1 / 128), series, sub(1, w).log().neg());
}

/**
 * Draws positions along an axis of logits (the last by default), each as likely as its softmax says: logits `[..., n]` in
 * f32, which need not be normalized, give i32 `[...]`. By the Gumbel-max trick: the position of the largest sum of a
 * logit and a number of Gumbel's distribution, drawn for each, so a logit of −∞ is never drawn where another one is
 * finite.
 *
 * Throws a TypeError where logits are not f32, and a RangeError where the axis does not exist, or is empty.
 *
 * @see [jax.random.categorical](https://docs.jax.dev/en/latest/_autosummary/jax.random.categorical.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const logits = dd.tensor([[0, -Infinity], [-Infinity, 0]]);
 * console.log(await dd.random.categorical(dd.random.key(0), logits).data()); // Int32Array [0, 1]
 * ```
 */
export function categorical(key: Key, logits: Tensor, options: AxisOption = {}): Tensor {
  requireDType("random.categorical", logits, ["f32"]);
  const axis = normalizeAxis(options.axis ?? -1, logits.rank, "random.categorical");
  if (logits.shape[axis] === 0) {
    throw new RangeError(`random.categorical: an empty axis of ${formatShape(logits.shape)} has nothing to draw`);
  }
  // Half a step above 0, where a draw of 0 would win whatever its logit.
  const waiting = exponential(maximum(uniform(key, logits.shape), 2 ** -25));
  return argmax(logits.sub(waiting.log()), { axis });
}

/** Rounds of sorting by random words after which an order is as good as any other, whatever words are equal (as in JAX). */
function roundsOf(n: number): number {
  return Math.max(1, Math.ceil(3 * Math.log(Math.max(n, 1)) / Math.log(2 ** 32 - 1)));
}

/**
 * Draws an order: of the numbers from 0 to `n − 1` as i32, or of a tensor's parts along an axis (the first by default).
 * Positions are sorted by random words, several times where there are many, so that all orders are equally likely.
 *
 * Throws a RangeError where `n` is no whole number from 0, or the axis does not exist.
 *
 * @see [jax.random.permutation](https://docs.jax.dev/en/latest/_autosummary/jax.random.permutation.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.random.permutation(dd.random.key(0), 5).data()); // Int32Array [1, 2, 0, 4, 3]
 * ```
 */
export function permutation(key: Key, n: number | Tensor, options: AxisOption = {}): Tensor {
  if (typeof n === "number") {
    const rounds = roundsOf(requireCount("random.permutation", "the number of positions", n));
    const keys = rounds > 1 ? splitKey(key, rounds) : [key];
    return keys.reduce((order, one) => takeAlong(order, argsort(randomBits(one, [n], 0))), arange(n));
  }
  requireDType("random.permutation", n, ["f32", "i32", "u32", "bool"]);
  const axis = normalizeAxis(options.axis ?? 0, n.rank, "random.permutation");
  const order = permutation(key, n.shape[axis]);
  return takeAlong(n, reshape(order, n.shape.map((size, a) => a === axis ? size : 1)), { axis });
}
