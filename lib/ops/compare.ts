import { isFiniteExpression, isNaNExpression } from "../../kernels/is_nan.ts";
import { type DType, holdsNumber, isFloat, WHOLE_RANGE } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cast } from "./cast.ts";
import { full } from "./full.ts";
import type { TensorLike } from "../tensor/operation_options.ts";
import { binary, elementwise, requireDType, unary } from "./elementwise.ts";
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
/** a ≠ b, as the opposite of a = b: `!=` of WGSL becomes a comparison that is false where an operand is NaN. */
export const notEqualPrimitive: Primitive<undefined> = elementwise({
  name: "notEqual",
  wgsl: "(!($0 == $1))",
  reference: (a, b) => Number(a !== b),
  dtype: "bool",
  vjp: () => [undefined, undefined],
});
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

/** x is NaN. */
export const isNaNPrimitive: Primitive<undefined> = elementwise({
  name: "isNaN",
  wgsl: ([x], { type }) => isNaNExpression(x, type("u32")),
  reference: (x) => Number(Number.isNaN(x)),
  dtype: "bool",
  vjp: () => [undefined],
});
/** x is neither NaN nor infinite. */
export const isFinitePrimitive: Primitive<undefined> = elementwise({
  name: "isFinite",
  wgsl: ([x], { type }) => isFiniteExpression(x, type("u32")),
  reference: (x) => Number(Number.isFinite(x)),
  dtype: "bool",
  vjp: () => [undefined],
});

/** The comparison that says of (b, a) what another one says of (a, b). */
const MIRROR = new Map([
  [equalPrimitive, equalPrimitive],
  [notEqualPrimitive, notEqualPrimitive],
  [lessPrimitive, greaterPrimitive],
  [lessEqualPrimitive, greaterEqualPrimitive],
  [greaterPrimitive, lessPrimitive],
  [greaterEqualPrimitive, lessEqualPrimitive],
]);

const isBelow = (primitive: Primitive<undefined>) => primitive === lessPrimitive || primitive === lessEqualPrimitive;

/** Compares operands; a number that the other operand's integers cannot be is compared exactly all the same. */
function compare(primitive: Primitive<undefined>, a: TensorLike, b: TensorLike, allowed: readonly DType[]): Tensor {
  if (typeof a === "number" && typeof b === "object") return compare(MIRROR.get(primitive)!, b, a, allowed);
  if (typeof a !== "object" || typeof b !== "number" || isFloat(a.dtype) || holdsNumber(a.dtype, b)) {
    return binary(primitive, a, b, allowed);
  }
  requireDType(primitive.name, a, allowed);
  const [low, high] = WHOLE_RANGE[a.dtype];
  const isOrder = primitive !== equalPrimitive && primitive !== notEqualPrimitive;
  if (!isOrder || !(b > low && b < high)) {
    // One answer for all integers: each is another number, and on the same side.
    const one = { shape: [], dtype: a.dtype };
    const operands = [{ ...one, data: Float64Array.of(low) }, { ...one, data: Float64Array.of(b) }];
    return full(a.shape, primitive.reference(operands, undefined, { shape: [], dtype: "bool" })[0], { dtype: "bool" });
  }
  return isBelow(primitive)
    ? binary(lessEqualPrimitive, a, Math.floor(b), allowed)
    : binary(greaterEqualPrimitive, a, Math.ceil(b), allowed);
}

const NUMBERS: readonly DType[] = ["f32", "i32", "u32"];

/** Where two tensors are equal. NaN equals nothing. */
export function equal(a: TensorLike, b: TensorLike): Tensor {
  return compare(equalPrimitive, a, b, [...NUMBERS, "bool"]);
}
/** Where two tensors differ. NaN differs from everything, itself included. */
export function notEqual(a: TensorLike, b: TensorLike): Tensor {
  return compare(notEqualPrimitive, a, b, [...NUMBERS, "bool"]);
}
/** Where the first is smaller. Integers are compared exactly with any number, such as 2.5. */
export function less(a: TensorLike, b: TensorLike): Tensor {
  return compare(lessPrimitive, a, b, NUMBERS);
}
/** Where the first is smaller or equal. */
export function lessEqual(a: TensorLike, b: TensorLike): Tensor {
  return compare(lessEqualPrimitive, a, b, NUMBERS);
}
/** Where the first is larger. */
export function greater(a: TensorLike, b: TensorLike): Tensor {
  return compare(greaterPrimitive, a, b, NUMBERS);
}
/** Where the first is larger or equal. */
export function greaterEqual(a: TensorLike, b: TensorLike): Tensor {
  return compare(greaterEqualPrimitive, a, b, NUMBERS);
}
/** Where a float is NaN; nowhere in another tensor. */
export function isNaN(x: Tensor): Tensor {
  return isFloat(x.dtype) ? unary(isNaNPrimitive, cast(x, "f32")) : full(x.shape, 0, { dtype: "bool" });
}
/** Where a number is neither NaN nor infinite. */
export function isFinite(x: Tensor): Tensor {
  return isFloat(x.dtype) ? unary(isFinitePrimitive, cast(x, "f32")) : full(x.shape, 1, { dtype: "bool" });
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
