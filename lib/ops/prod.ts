import type { ReduceOptions } from "../tensor/operation_options.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { stretchBack } from "./broadcast.ts";
import { flip } from "./flip.ts";
import { ones } from "./full.ts";
import { apply, type Primitive } from "./primitive.ts";
import { reduce } from "./reduce.ts";
import { type ReduceParams, reducePrimitive } from "./reduction.ts";
import { reshape, transpose } from "./reshape.ts";
import { concat } from "./slice.ts";

/** Product over one axis of two elements, of which each is the other's derivative. */
const pairPrimitive: Primitive<ReduceParams> = reducePrimitive("prod", {
  vjp: ({ inputs: [x], params: { axes }, cotangent }) => [flip(x, { axis: axes }).mul(stretchBack(cotangent, x, axes))],
});

/**
 * Product over axes. Its derivative is that of products of pairs, and pairs of these: it divides by no element, so that
 * it holds with zeros among them, too, as those of higher order do, and takes linear work, as in JAX.
 */
export const prodPrimitive: Primitive<ReduceParams> = reducePrimitive("prod", {
  decompose([x], { axes }) {
    const kept = [...x.shape.keys()].filter((axis) => !axes.includes(axis));
    const shape = kept.map((axis) => x.shape[axis]);
    const count = sizeOf(axes.map((axis) => x.shape[axis]));
    const factors = reshape(transpose(x, [...kept, ...axes]), [...shape, count]);
    // With ones, so that each halving is even.
    const padded = 2 ** Math.ceil(Math.log2(count));
    let rest = concat([factors, ones([...shape, padded - count])], { axis: shape.length });
    for (let half = padded / 2; half >= 1; half /= 2) {
      rest = apply(pairPrimitive, [reshape(rest, [...shape, 2, half])], { axes: [shape.length] });
    }
    return reshape(rest, shape);
  },
});

/**
 * Multiplies the elements over axes, over all of them by default; the product over an empty axis is 1. Integers wrap
 * modulo 2³² and keep their dtype, and bool counts as i32 of 0 and 1. The derivative by an element is the product of all
 * others, also where some are 0. The order of multiplication depends on the shape alone.
 *
 * Throws a RangeError where an axis does not exist.
 *
 * @see [jax.numpy.prod](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.prod.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[2, 3], [4, 0]]);
 * console.log(await dd.prod(x, { axis: 1 }).data()); // Float32Array [6, 0]
 * console.log(await dd.grad((y: dd.Tensor) => dd.prod(y))(x).data()); // Float32Array [0, 0, 0, 24]
 * ```
 */
export function prod(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce(prodPrimitive, x, { ...options, ofNothing: 1 });
}
