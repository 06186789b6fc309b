import type { ReduceOptions } from "../tensor/operation_options.ts";
import { formatShape, normalizeAxes, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { div, mul } from "./arithmetic.ts";
import { stretchBack, sumPrimitive } from "./broadcast.ts";
import { cast } from "./cast.ts";
import { zeros } from "./full.ts";
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
export const maxPrimitive: Primitive<ReduceParams> = reducePrimitive("max", extremumVjp);
/** Smallest element over axes. */
export const minPrimitive: Primitive<ReduceParams> = reducePrimitive("min", extremumVjp);

function reduce(primitive: Primitive<ReduceParams>, x: Tensor, { axis, keepDims = false }: ReduceOptions): Tensor {
  const axes = normalizeAxes(axis, x.rank, primitive.name);
  const operand = x.dtype === "bool" ? cast(x, "i32") : x;
  const kept = x.shape.filter((_, a) => !axes.includes(a));
  const isOfNothing = x.size === 0 && sizeOf(kept) > 0;
  if (primitive !== sumPrimitive && isOfNothing) {
    throw new RangeError(`${primitive.name}: an empty axis of ${formatShape(x.shape)} has none`);
  }
  const reduced = axes.length === 0
    ? operand
    : isOfNothing
    ? zeros(kept, operand)
    : apply(primitive, [operand], { axes });
  return keepDims ? reshape(reduced, x.shape.map((size, a) => axes.includes(a) ? 1 : size)) : reduced;
}

/** Sum over axes, 0 over an empty one; counts where the tensor is bool. The order of summation depends on the shape alone. */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce(sumPrimitive, x, options);
}

/** Mean over axes, in f32; NaN over an empty one. */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  const axes = normalizeAxes(options.axis, x.rank, "mean");
  const count = sizeOf(axes.map((axis) => x.shape[axis]));
  // No compiler is asked what 0 / 0 is.
  if (count === 0) return mul(sum(x.dtype === "f32" ? x : cast(x, "f32"), options), NaN);
  return div(sum(x.dtype === "f32" ? x : cast(x, "f32"), options), count);
}

/** Largest element over axes; the derivative is shared among equals. Throws a RangeError for an empty axis. */
export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce(maxPrimitive, x, options);
}

/** Smallest element over axes; the derivative is shared among equals. Throws a RangeError for an empty axis. */
export function min(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce(minPrimitive, x, options);
}
