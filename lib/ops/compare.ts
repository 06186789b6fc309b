import type { Tensor } from "../tensor/tensor.ts";
import type { TensorLike } from "./constant.ts";
import { binary, elementwise, unary } from "./elementwise.ts";
import type { Primitive } from "./primitive.ts";

function comparison(
  name: string,
  operator: string,
  reference: (a: number, b: number) => boolean,
): Primitive<undefined> {
  return elementwise({
    name,
    wgsl: `($0 ${operator} $1)`,
    reference: (a, b) => Number(reference(a, b)),
    dtype: "bool",
    vjp: () => [undefined, undefined],
  });
}

/** a = b. */
export const equalPrimitive: Primitive<undefined> = comparison("equal", "==", (a, b) => a === b);
/** a ≠ b. */
export const notEqualPrimitive: Primitive<undefined> = comparison("notEqual", "!=", (a, b) => a !== b);
/** a < b. */
export const lessPrimitive: Primitive<undefined> = comparison("less", "<", (a, b) => a < b);
/** a ≤ b. */
export const lessEqualPrimitive: Primitive<undefined> = comparison("lessEqual", "<=", (a, b) => a <= b);
/** a > b. */
export const greaterPrimitive: Primitive<undefined> = comparison("greater", ">", (a, b) => a > b);
/** a ≥ b. */
export const greaterEqualPrimitive: Primitive<undefined> = comparison("greaterEqual", ">=", (a, b) => a >= b);
/** Both. */
export const logicalAndPrimitive: Primitive<undefined> = comparison("logicalAnd", "&", (a, b) => !!a && !!b);
/** At least one. */
export const logicalOrPrimitive: Primitive<undefined> = comparison("logicalOr", "|", (a, b) => !!a || !!b);
/** The opposite. */
export const logicalNotPrimitive: Primitive<undefined> = elementwise({
  name: "logicalNot",
  wgsl: "(!$0)",
  reference: (a) => Number(!a),
  dtype: "bool",
  vjp: () => [undefined],
});

/** Where two tensors are equal. */
export function equal(a: TensorLike, b: TensorLike): Tensor {
  return binary(equalPrimitive, a, b, ["f32", "i32", "u32", "bool"]);
}
/** Where two tensors differ. */
export function notEqual(a: TensorLike, b: TensorLike): Tensor {
  return binary(notEqualPrimitive, a, b, ["f32", "i32", "u32", "bool"]);
}
/** Where the first is smaller. */
export function less(a: TensorLike, b: TensorLike): Tensor {
  return binary(lessPrimitive, a, b);
}
/** Where the first is smaller or equal. */
export function lessEqual(a: TensorLike, b: TensorLike): Tensor {
  return binary(lessEqualPrimitive, a, b);
}
/** Where the first is larger. */
export function greater(a: TensorLike, b: TensorLike): Tensor {
  return binary(greaterPrimitive, a, b);
}
/** Where the first is larger or equal. */
export function greaterEqual(a: TensorLike, b: TensorLike): Tensor {
  return binary(greaterEqualPrimitive, a, b);
}
/** Where both are true. */
export function logicalAnd(a: Tensor, b: Tensor): Tensor {
  return binary(logicalAndPrimitive, a, b, ["bool"]);
}
/** Where at least one is true. */
export function logicalOr(a: Tensor, b: Tensor): Tensor {
  return binary(logicalOrPrimitive, a, b, ["bool"]);
}
/** Where it is false. */
export function logicalNot(x: Tensor): Tensor {
  return unary(logicalNotPrimitive, x, ["bool"]);
}
