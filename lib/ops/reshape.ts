import {
  formatShape,
  normalizeAxes,
  normalizeAxis,
  requireShape,
  sameShape,
  type Shape,
  sizeOf,
} from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { contiguousStrides, permuteView, reshapeView } from "../tensor/view.ts";
import { apply, type Primitive } from "./primitive.ts";

/** The same elements in row-major order under another shape. */
export const reshapePrimitive: Primitive<{ readonly shape: Shape }> = {
  name: "reshape",
  infer: ([x], { shape }) => ({ shape, dtype: x.dtype }),
  lowering: { kind: "view", view: (view, { shape }) => reshapeView(view, shape) },
  reference: ([x]) => x.data,
  vjp: ({ inputs: [x], cotangent }) => [cotangent.reshape(x.shape)],
  batch: ({ inputs: [x], cells, params: { shape } }) => reshape(x, [cells, ...shape]),
};

/**
 * Gives the same elements, in row-major order, another shape. One size may be −1 and is worked out from the rest.
 * Nothing is copied where the memory allows it.
 *
 * Throws a RangeError where the shapes have different numbers of elements, or more than one size is −1.
 *
 * @see [jax.numpy.reshape](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.reshape.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(dd.reshape(dd.arange(6), [2, -1]).shape); // [2, 3]
 * ```
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = shape.filter((size) => size !== -1);
  const rest = x.size / sizeOf(known);
  const full = known.length === shape.length - 1 && Number.isInteger(rest)
    ? shape.map((size) => size === -1 ? rest : size)
    : shape;
  // What is left of −1 is told as the shape that was asked for.
  if (!full.includes(-1)) requireShape("reshape", full);
  if (full.includes(-1) || sizeOf(full) !== x.size) {
    throw new RangeError(`reshape: ${formatShape(x.shape)} has ${x.size} elements and cannot be ${formatShape(shape)}`);
  }
  return sameShape(full, x.shape) ? x : apply(reshapePrimitive, [x], { shape: full });
}

/** Axes in another order. */
export const transposePrimitive: Primitive<{ readonly permutation: readonly number[] }> = {
  name: "transpose",
  infer: ([x], { permutation }) => ({ shape: permutation.map((axis) => x.shape[axis]), dtype: x.dtype }),
  lowering: { kind: "view", view: (view, { permutation }) => permuteView(view, permutation) },
  reference([x], { permutation }, output) {
    const strides = permutation.map((axis) => contiguousStrides(x.shape)[axis]);
    const rows = contiguousStrides(output.shape);
    return Float64Array.from(x.data, (_, i) => {
      let position = 0;
      for (let axis = 0; axis < rows.length; axis++) {
        position += (Math.floor(i / rows[axis]) % output.shape[axis]) * strides[axis];
      }
      return x.data[position];
    });
  },
  vjp({ cotangent, params: { permutation } }) {
    const inverse = new Array<number>(permutation.length);
    permutation.forEach((axis, position) => inverse[axis] = position);
    return [cotangent.transpose(inverse)];
  },
  batch: ({ inputs: [x], params: { permutation } }) => transpose(x, [0, ...permutation.map((axis) => axis + 1)]),
};

/**
 * Puts the axes of a tensor into another order, and reverses them when no order is given: axis `i` of the result is
 * axis `permutation[i]` of `x`. Nothing is copied; products and fused kernels read through it.
 *
 * Throws a RangeError where the order does not name each axis once.
 *
 * @see [jax.numpy.transpose](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.transpose.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, 2, 3], [4, 5, 6]]);
 * console.log(await dd.transpose(x).data()); // Float32Array [1, 4, 2, 5, 3, 6]
 * console.log(dd.transpose(dd.zeros([2, 3, 4]), [0, 2, 1]).shape); // [2, 4, 3]
 * ```
 */
export function transpose(x: Tensor, permutation?: readonly number[]): Tensor {
  const order = permutation?.map((axis) => normalizeAxis(axis, x.rank, "transpose")) ??
    x.shape.map((_, axis) => x.rank - 1 - axis);
  if (order.length !== x.rank || new Set(order).size !== x.rank) {
    throw new RangeError(`transpose: [${permutation?.join(", ")}] is no order of the axes of ${formatShape(x.shape)}`);
  }
  return order.every((axis, position) => axis === position)
    ? x
    : apply(transposePrimitive, [x], { permutation: order });
}

/**
 * Adds an axis of size 1. Its position is counted in the result, from the end where it is negative.
 *
 * Throws a RangeError where the result has no such axis.
 *
 * @see [jax.numpy.expand_dims](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.expand_dims.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.zeros([2, 3]);
 * console.log(dd.expandDims(x, 0).shape, dd.expandDims(x, -1).shape); // [1, 2, 3] [2, 3, 1]
 * ```
 */
export function expandDims(x: Tensor, axis: number): Tensor {
  const position = normalizeAxis(axis, x.rank + 1, "expandDims");
  return reshape(x, [...x.shape.slice(0, position), 1, ...x.shape.slice(position)]);
}

/**
 * Drops axes of size 1: the given ones, or all of them.
 *
 * Throws a RangeError where a given axis does not exist, or has another size.
 *
 * @see [jax.numpy.squeeze](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.squeeze.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.zeros([1, 3, 1]);
 * console.log(dd.squeeze(x).shape, dd.squeeze(x, -1).shape); // [3] [1, 3]
 * ```
 */
export function squeeze(x: Tensor, axis?: number | readonly number[]): Tensor {
  const axes = axis === undefined
    ? x.shape.flatMap((size, position) => size === 1 ? [position] : [])
    : normalizeAxes(axis, x.rank, "squeeze");
  for (const position of axes) {
    if (x.shape[position] !== 1) {
      throw new RangeError(`squeeze: axis ${position} of ${formatShape(x.shape)} has size ${x.shape[position]}, not 1`);
    }
  }
  return reshape(x, x.shape.filter((_, position) => !axes.includes(position)));
}
