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

/**
 * Says where two operands are equal, as bool. Shapes broadcast by NumPy's rule. NaN equals nothing, and integers are
 * compared exactly with any number.
 *
 * Throws a TypeError where the operands' dtypes differ or one is f16, and a RangeError where their shapes do not
 * broadcast.
 *
 * @see [jax.numpy.equal](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.equal.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.equal(dd.tensor([1, 2, NaN]), dd.tensor([1, 3, NaN])).data()); // Uint32Array [1, 0, 0]
 * ```
 */
export function equal(a: TensorLike, b: TensorLike): Tensor {
  return compare(equalPrimitive, a, b, [...NUMBERS, "bool"]);
}

/**
 * Says where two operands differ, as bool. Shapes broadcast by NumPy's rule. NaN differs from everything, itself
 * included, and integers are compared exactly with any number.
 *
 * Throws a TypeError where the operands' dtypes differ or one is f16, and a RangeError where their shapes do not
 * broadcast.
 *
 * @see [jax.numpy.not_equal](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.not_equal.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.notEqual(dd.tensor([1, 2, NaN]), dd.tensor([1, 3, NaN])).data()); // Uint32Array [0, 1, 1]
 * ```
 */
export function notEqual(a: TensorLike, b: TensorLike): Tensor {
  return compare(notEqualPrimitive, a, b, [...NUMBERS, "bool"]);
}

/**
 * Says where the first operand is smaller than the second, as bool. Shapes broadcast by NumPy's rule. Beside NaN the
 * answer is false, and integers are compared exactly with any number, such as 2.5.
 *
 * Throws a TypeError where the operands' dtypes differ or are none of f32, i32 and u32, and a RangeError where their
 * shapes do not broadcast.
 *
 * @see [jax.numpy.less](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.less.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.less(dd.tensor([1, 2, NaN]), 2).data()); // Uint32Array [1, 0, 0]
 * ```
 */
export function less(a: TensorLike, b: TensorLike): Tensor {
  return compare(lessPrimitive, a, b, NUMBERS);
}

/**
 * Says where the first operand is smaller than the second or equal to it, as bool. Shapes broadcast by NumPy's rule.
 * Beside NaN the answer is false, and integers are compared exactly with any number.
 *
 * Throws a TypeError where the operands' dtypes differ or are none of f32, i32 and u32, and a RangeError where their
 * shapes do not broadcast.
 *
 * @see [jax.numpy.less_equal](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.less_equal.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.lessEqual(dd.tensor([1, 2, 3]), 2).data()); // Uint32Array [1, 1, 0]
 * ```
 */
export function lessEqual(a: TensorLike, b: TensorLike): Tensor {
  return compare(lessEqualPrimitive, a, b, NUMBERS);
}

/**
 * Says where the first operand is larger than the second, as bool. Shapes broadcast by NumPy's rule. Beside NaN the
 * answer is false, and integers are compared exactly with any number.
 *
 * Throws a TypeError where the operands' dtypes differ or are none of f32, i32 and u32, and a RangeError where their
 * shapes do not broadcast.
 *
 * @see [jax.numpy.greater](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.greater.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.greater(dd.tensor([1, 2, NaN]), 1).data()); // Uint32Array [0, 1, 0]
 * ```
 */
export function greater(a: TensorLike, b: TensorLike): Tensor {
  return compare(greaterPrimitive, a, b, NUMBERS);
}

/**
 * Says where the first operand is larger than the second or equal to it, as bool. Shapes broadcast by NumPy's rule.
 * Beside NaN the answer is false, and integers are compared exactly with any number.
 *
 * Throws a TypeError where the operands' dtypes differ or are none of f32, i32 and u32, and a RangeError where their
 * shapes do not broadcast.
 *
 * @see [jax.numpy.greater_equal](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.greater_equal.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.greaterEqual(dd.tensor([1, 2, 3], { dtype: "i32" }), 1.5).data()); // Uint32Array [0, 1, 1]
 * ```
 */
export function greaterEqual(a: TensorLike, b: TensorLike): Tensor {
  return compare(greaterEqualPrimitive, a, b, NUMBERS);
}

/**
 * Says where an element is NaN, as bool. Tensors of integers and bool have none.
 *
 * @see [jax.numpy.isnan](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.isnan.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.isNaN(dd.tensor([1, NaN, Infinity])).data()); // Uint32Array [0, 1, 0]
 * ```
 */
export function isNaN(x: Tensor): Tensor {
  return isFloat(x.dtype) ? unary(isNaNPrimitive, cast(x, "f32")) : full(x.shape, 0, { dtype: "bool" });
}

/**
 * Says where an element is neither NaN nor infinite, as bool. All elements of tensors of integers and bool are finite.
 *
 * @see [jax.numpy.isfinite](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.isfinite.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.isFinite(dd.tensor([1, NaN, Infinity])).data()); // Uint32Array [1, 0, 0]
 * ```
 */
export function isFinite(x: Tensor): Tensor {
  return isFloat(x.dtype) ? unary(isFinitePrimitive, cast(x, "f32")) : full(x.shape, 1, { dtype: "bool" });
}

/**
 * Says where both of two bool tensors are true. Shapes broadcast by NumPy's rule.
 *
 * Throws a TypeError where an operand is of another dtype, and a RangeError where the shapes do not broadcast.
 *
 * @see [jax.numpy.logical_and](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.logical_and.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([1, 2, 3]);
 * console.log(await dd.logicalAnd(x.greater(1), x.less(3)).data()); // Uint32Array [0, 1, 0]
 * ```
 */
export function logicalAnd(a: Tensor, b: Tensor): Tensor {
  return binary(logicalAndPrimitive, a, b, ["bool"]);
}

/**
 * Says where at least one of two bool tensors is true. Shapes broadcast by NumPy's rule.
 *
 * Throws a TypeError where an operand is of another dtype, and a RangeError where the shapes do not broadcast.
 *
 * @see [jax.numpy.logical_or](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.logical_or.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([1, 2, 3]);
 * console.log(await dd.logicalOr(x.less(2), x.equal(3)).data()); // Uint32Array [1, 0, 1]
 * ```
 */
export function logicalOr(a: Tensor, b: Tensor): Tensor {
  return binary(logicalOrPrimitive, a, b, ["bool"]);
}

/**
 * Says where a bool tensor is false.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.numpy.logical_not](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.logical_not.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.logicalNot(dd.tensor([true, false])).data()); // Uint32Array [0, 1]
 * ```
 */
export function logicalNot(x: Tensor): Tensor {
  return unary(logicalNotPrimitive, x, ["bool"]);
}
