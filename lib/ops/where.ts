import type { Tensor } from "../tensor/tensor.ts";
import { batchInFront } from "./batching.ts";
import { broadcastTo, commonShape } from "./broadcast.ts";
import type { TensorLike } from "../tensor/operation_options.ts";
import { promote, requireDType } from "./elementwise.ts";
import { apply, type Primitive } from "./primitive.ts";

/** Chooses element by element; what is not chosen does not matter, NaN included. */
export const wherePrimitive: Primitive<undefined> = {
  name: "where",
  infer: ([, a]) => ({ shape: a.shape, dtype: a.dtype }),
  lowering: { kind: "map", expression: ([condition, a, b]) => `select(${b}, ${a}, ${condition})` },
  reference: ([condition, a, b]) => a.data.map((value, i) => condition.data[i] ? value : b.data[i]),
  vjp: ({ inputs: [condition], cotangent, needs }) => [
    undefined,
    needs[1] ? where(condition, cotangent, 0) : undefined,
    needs[2] ? where(condition, 0, cotangent) : undefined,
  ],
  batch: (site) => batchInFront(wherePrimitive, site),
};

/**
 * Chooses, element by element, from `a` where the bool condition holds and from `b` elsewhere. The three shapes
 * broadcast by NumPy's rule. What is not chosen does not matter, NaN included, neither to the result nor to
 * derivatives; a number that the other operand's integers cannot be makes the result f32.
 *
 * Throws a TypeError where the condition is not bool, or the dtypes of `a` and `b` differ or are f16, and a RangeError
 * where the shapes do not broadcast.
 *
 * @see [jax.numpy.where](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.where.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([4, -1]);
 * console.log(await dd.where(x.less(0), 0, x.sqrt()).data()); // Float32Array [2, 0]
 * ```
 */
export function where(condition: Tensor, a: TensorLike, b: TensorLike): Tensor {
  requireDType("where", condition, ["bool"]);
  const [left, right] = promote("where", a, b);
  const shape = commonShape("where", condition, left, right);
  return apply(wherePrimitive, [condition, left, right].map((operand) => broadcastTo(operand, shape)), undefined);
}
