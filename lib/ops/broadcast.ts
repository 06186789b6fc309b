import { broadcastShapes, formatShape, requireShape, sameShape, type Shape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { broadcastView, contiguousStrides } from "../tensor/view.ts";
import { constant } from "./constant.ts";
import { apply, type Primitive } from "./primitive.ts";
import { type ReduceParams, reducePrimitive } from "./reduction.ts";
import { reshape } from "./reshape.ts";

/** Parameters of {@linkcode broadcastPrimitive}. */
export interface BroadcastParams {
  readonly shape: Shape;
}

/** Stretches axes of size 1 and adds axes in front: its derivative is a sum, and the sum's is this. */
export const broadcastPrimitive: Primitive<BroadcastParams> = {
  name: "broadcastTo",
  infer: ([x], { shape }) => ({ shape, dtype: x.dtype }),
  lowering: { kind: "view", view: (view, { shape }) => broadcastView(view, shape) },
  reference([x], { shape }) {
    const strides = broadcastView({ shape: x.shape, strides: contiguousStrides(x.shape), offset: 0 }, shape).strides;
    const rows = contiguousStrides(shape);
    return Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
      let position = 0;
      for (let axis = 0; axis < shape.length; axis++) {
        position += (Math.floor(i / rows[axis]) % shape[axis]) * strides[axis];
      }
      return x.data[position];
    });
  },
  vjp: ({ inputs: [x], cotangent }) => [sumTo(cotangent, x.shape)],
  batch({ inputs: [x], cells, params: { shape } }) {
    const added = new Array<number>(shape.length + 1 - x.rank).fill(1);
    return broadcastTo(reshape(x, [cells, ...added, ...x.shape.slice(1)]), [cells, ...shape]);
  },
};

/** Sum over axes. */
export const sumPrimitive: Primitive<ReduceParams> = reducePrimitive(
  "sum",
  { vjp: ({ inputs: [x], params: { axes }, cotangent }) => [stretchBack(cotangent, x, axes)] },
);

/**
 * Stretches a tensor to a larger shape by NumPy's rule: axes of size 1 are repeated, and missing ones are added in
 * front. Nothing is copied until a kernel needs it.
 *
 * Throws a RangeError where an axis is neither 1 nor of the size that is asked for.
 *
 * @see [jax.numpy.broadcast_to](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.broadcast_to.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.broadcastTo(dd.tensor([[1], [2]]), [2, 3]).data()); // Float32Array [1, 1, 1, 2, 2, 2]
 * ```
 */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  requireShape("broadcastTo", shape);
  const result = broadcastShapes(x.shape, shape);
  if (!result || !sameShape(result, shape)) {
    throw new RangeError(`broadcastTo: ${formatShape(x.shape)} does not stretch to ${formatShape(shape)}`);
  }
  return apply(broadcastPrimitive, [x], { shape });
}

/** The common shape of operands. Throws a RangeError that names the operation where there is none. */
export function commonShape(op: string, ...operands: readonly Tensor[]): Shape {
  return operands.map((operand) => operand.shape).reduce((a, b) => {
    const shape = broadcastShapes(a, b);
    if (!shape) throw new RangeError(`${op}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast`);
    return requireShape(op, shape);
  });
}

/** Puts reduced axes back with size 1 and stretches them to the input's shape. */
export function stretchBack(reduced: Tensor, like: Tensor, axes: readonly number[]): Tensor {
  return broadcastTo(reshape(reduced, like.shape.map((size, axis) => axes.includes(axis) ? 1 : size)), like.shape);
}

/** Sums over the axes along which a shape was stretched: the derivative of stretching. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  const added = x.shape.length - shape.length;
  const axes = x.shape.map((_, axis) => axis).filter((axis) =>
    axis < added || (shape[axis - added] === 1 && x.shape[axis] !== 1)
  );
  if (axes.length === 0) return x;
  // A sum of nothing is 0 everywhere.
  if (x.size === 0 && sizeOf(shape) > 0) return broadcastTo(constant(0, x.dtype), shape);
  return reshape(apply(sumPrimitive, [x], { axes }), shape);
}
