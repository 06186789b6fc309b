import type { ReduceOptions } from "../tensor/operation_options.ts";
import { formatShape, normalizeAxes, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { div, mul } from "./arithmetic.ts";
import { stretchBack, sumPrimitive } from "./broadcast.ts";
import { cast } from "./cast.ts";
import { full } from "./full.ts";
import { apply, type Primitive, type VjpSite } from "./primitive.ts";
import { type ReduceParams, reducePrimitive } from "./reduction.ts";
import { reshape } from "./reshape.ts";

/** Shares the derivative equally among the elements that reach the extremum. */
function extremumVjp({ inputs: [x], output, params: { axes }, cotangent }: VjpSite<ReduceParams>): Tensor[] {
  const hit = x.equal(stretchBack(output, x, axes)).astype("f32");
  const count = apply(sumPrimitive, [hit], { axes });
  return [hit.mul(stretchBack(cotangent.div(count), x, axes))];
}

/** Largest element over axes. */
export const maxPrimitive: Primitive<ReduceParams> = reducePrimitive("max", { vjp: extremumVjp });
/** Smallest element over axes. */
export const minPrimitive: Primitive<ReduceParams> = reducePrimitive("min", { vjp: extremumVjp });

/**
 * Reduces over axes; bool counts as i32. `ofNothing` is what an empty axis gives, which throws a RangeError where there is
 * no such number. `name` is what errors call the operation.
 */
export function reduce(
  primitive: Primitive<ReduceParams>,
  x: Tensor,
  options: ReduceOptions & { readonly ofNothing?: number; readonly name?: string },
): Tensor {
  const { axis, keepDims = false, ofNothing, name = primitive.name } = options;
  const axes = normalizeAxes(axis, x.rank, name);
  const operand = x.dtype === "bool" ? cast(x, "i32") : x;
  const kept = x.shape.filter((_, a) => !axes.includes(a));
  let reduced = operand;
  if (x.size === 0 && sizeOf(kept) > 0) {
    if (ofNothing === undefined) throw new RangeError(`${name}: an empty axis of ${formatShape(x.shape)} has none`);
    reduced = full(kept, ofNothing, operand);
  } else if (axes.length > 0) reduced = apply(primitive, [operand], { axes });
  return keepDims ? reshape(reduced, x.shape.map((size, a) => axes.includes(a) ? 1 : size)) : reduced;
}

/**
 * Sums the elements over axes, over all of them by default; the sum over an empty axis is 0. Integers wrap modulo 2³²
 * and keep their dtype, and of bool the true elements are counted, in i32. The order of summation depends on the shape
 * alone, so the same input has the same bits each time.
 *
 * Throws a TypeError where `x` is f16, and a RangeError where an axis does not exist.
 *
 * @see [jax.numpy.sum](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.sum.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, 2], [3, 4]]);
 * console.log(await x.sum().item(), await dd.sum(x, { axis: 0 }).data()); // 10 Float32Array [4, 6]
 * ```
 */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce(sumPrimitive, x, { ...options, ofNothing: 0 });
}

/**
 * Averages the elements over axes, over all of them by default. The result is f32 whatever the dtype, and NaN over an
 * empty axis.
 *
 * Throws a RangeError where an axis does not exist.
 *
 * @see [jax.numpy.mean](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.mean.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, 2], [3, 6]]);
 * console.log(await dd.mean(x).item(), await dd.mean(x, { axis: 1 }).data()); // 3 Float32Array [1.5, 4.5]
 * ```
 */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  const axes = normalizeAxes(options.axis, x.rank, "mean");
  const count = sizeOf(axes.map((axis) => x.shape[axis]));
  // No compiler is asked what 0 / 0 is.
  if (count === 0) return mul(sum(x.dtype === "f32" ? x : cast(x, "f32"), options), NaN);
  return div(sum(x.dtype === "f32" ? x : cast(x, "f32"), options), count);
}

/**
 * Takes the largest element over axes, over all of them by default. NaN is larger than any number, bool counts as i32
 * of 0 and 1, and elements that are equally large share the derivative. {@linkcode maximum} compares two tensors.
 *
 * Throws a TypeError where `x` is f16, and a RangeError where an axis does not exist, or is empty.
 *
 * @see [jax.numpy.max](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.max.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, 5], [3, NaN]]);
 * console.log(await dd.max(x, { axis: 1 }).data()); // Float32Array [5, NaN]
 * ```
 */
export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce(maxPrimitive, x, options);
}

/**
 * Takes the smallest element over axes, over all of them by default. NaN is smaller than any number, bool counts as i32
 * of 0 and 1, and elements that are equally small share the derivative. {@linkcode minimum} compares two tensors.
 *
 * Throws a TypeError where `x` is f16, and a RangeError where an axis does not exist, or is empty.
 *
 * @see [jax.numpy.min](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.min.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, 5], [3, NaN]]);
 * console.log(await dd.min(x, { axis: 1 }).data()); // Float32Array [1, NaN]
 * ```
 */
export function min(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce(minPrimitive, x, options);
}
