import type { Tensor } from "../tensor/tensor.ts";
import { broadcastTo, commonShape } from "./broadcast.ts";
import { asTensor, type TensorLike } from "./constant.ts";
import { requireDType } from "./elementwise.ts";
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
};

/** Elements of `a` where the condition holds, else of `b`; the three are stretched to a common shape. */
export function where(condition: Tensor, a: TensorLike, b: TensorLike): Tensor {
  requireDType("where", condition, ["bool"]);
  const dtype = typeof a === "object" ? a.dtype : typeof b === "object" ? b.dtype : "f32";
  const [left, right] = [asTensor(a, dtype), asTensor(b, dtype)];
  if (left.dtype !== right.dtype) {
    throw new TypeError(`where: operands are ${left.dtype} and ${right.dtype}: cast one of them`);
  }
  const shape = commonShape("where", condition, left, right);
  return apply(wherePrimitive, [condition, left, right].map((operand) => broadcastTo(operand, shape)), undefined);
}
