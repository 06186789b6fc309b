import { isNaNExpression } from "../../kernels/is_nan.ts";
import { opaqueExpression } from "../../kernels/opaque.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { TensorLike } from "../tensor/operation_options.ts";
import { binary, elementwise, unary } from "./elementwise.ts";
import type { ExpressionSite, Primitive } from "./primitive.ts";
import { where } from "./where.ts";

/** An f32 argument, opaque where one of the named operations makes it in the same kernel. */
function opaqueOf(
  made: readonly string[],
  { args, i, site: { type, inputs, makers } }: { args: readonly string[]; i: number; site: ExpressionSite },
): string {
  const isSeen = inputs[i] === "f32" && made.includes(makers[i] ?? "");
  return isSeen ? opaqueExpression(args[i], { T: type("f32"), U: type("u32") }) : args[i];
}

const PRODUCTS = ["mul", "square"];

/**
 * −x by its sign bit: compilers of shaders take x − x and (x + y) − x for 0 and y, also where x is infinite or NaN. The
 * bit is flipped by adding, as they know the exclusive or for a negation.
 */
function negated(x: string, { type }: ExpressionSite): string {
  const words = type("u32");
  return `bitcast<${type("f32")}>(bitcast<${words}>(${x}) + ${words}(0x80000000u))`;
}

/** a + b. Compilers must not take x · z + y · z for (x + y) · z: where z is infinite it may be NaN where that is not. */
export const addPrimitive: Primitive<undefined> = elementwise({
  name: "add",
  wgsl([a, b], site) {
    const isOfProducts = site.inputs[0] === "f32" && site.makers.every((maker) => PRODUCTS.includes(maker ?? ""));
    return isOfProducts ? `(${a} - ${negated(b, site)})` : `(${a} + ${b})`;
  },
  reference: (a, b) => a + b,
  vjp: ({ cotangent }) => [cotangent, cotangent],
});

/** a − b. */
export const subPrimitive: Primitive<undefined> = elementwise({
  name: "sub",
  wgsl: (args, site) =>
    site.inputs[0] === "f32" ? `(${args[0]} + ${negated(args[1], site)})` : `(${args[0]} - ${args[1]})`,
  reference: (a, b) => a - b,
  vjp: ({ cotangent, needs }) => [cotangent, needs[1] ? cotangent.neg() : undefined],
});

/** a · b. Compilers must not take (x / y) · y for x: it may be NaN where x is not. */
export const mulPrimitive: Primitive<undefined> = elementwise({
  name: "mul",
  wgsl: (args, site) => `(${opaqueOf(["div"], { args, i: 0, site })} * ${opaqueOf(["div"], { args, i: 1, site })})`,
  reference: (a, b) => a * b,
  integers: Math.imul,
  vjp: ({ inputs: [a, b], cotangent, needs }) => [
    needs[0] ? cotangent.mul(b) : undefined,
    needs[1] ? cotangent.mul(a) : undefined,
  ],
});

/** a / b. Compilers must not take (x · y) / y for x: it may be NaN where x is not. */
export const divPrimitive: Primitive<undefined> = elementwise({
  name: "div",
  wgsl: (args, site) => `(${opaqueOf(PRODUCTS, { args, i: 0, site })} / ${args[1]})`,
  reference: (a, b) => a / b,
  // WGSL's: what is divided by 0 stays.
  integers: (a, b) => b === 0 ? a : Math.trunc(a / b),
  vjp: ({ inputs: [a, b], cotangent, needs }) => [
    needs[0] ? cotangent.div(b) : undefined,
    needs[1] ? cotangent.mul(a).div(b.square()).neg() : undefined,
  ],
});

/** x². */
export const squarePrimitive: Primitive<undefined> = elementwise({
  name: "square",
  wgsl: "($0 * $0)",
  reference: (x) => x * x,
  vjp: ({ inputs: [x], cotangent }) => [cotangent.mul(x.mul(2))],
});

/**
 * The first operand where it compares so or is NaN, else the second: of two zeros the second, whatever their signs, as in
 * PyTorch.
 */
function choose(compare: ">" | "<"): (args: readonly string[], site: ExpressionSite) => string {
  return ([a, b], { type, inputs: [dtype] }) => {
    const isNaN = dtype === "f32" ? ` | ${isNaNExpression(a, type("u32"))}` : "";
    return `select(${b}, ${a}, (${a} ${compare} ${b})${isNaN})`;
  };
}

/** The larger. NaN wins, as in NumPy. */
export const maximumPrimitive: Primitive<undefined> = elementwise({
  name: "maximum",
  wgsl: choose(">"),
  reference: (a, b) => a > b || Number.isNaN(a) ? a : b,
  vjp: ({ inputs: [a, b], cotangent }) => shareExtremum(cotangent, a.greater(b), a.equal(b)),
});
/** The smaller. NaN wins, as in NumPy. */
export const minimumPrimitive: Primitive<undefined> = elementwise({
  name: "minimum",
  wgsl: choose("<"),
  reference: (a, b) => a < b || Number.isNaN(a) ? a : b,
  vjp: ({ inputs: [a, b], cotangent }) => shareExtremum(cotangent, a.less(b), a.equal(b)),
});

/** Equal operands share the derivative by halves, as in PyTorch. */
function shareExtremum(cotangent: Tensor, first: Tensor, tie: Tensor): Tensor[] {
  const half = cotangent.mul(0.5);
  return [
    where(tie, half, where(first, cotangent, 0)),
    where(tie.logicalOr(first), where(tie, half, 0), cotangent),
  ];
}

/** −x. */
export const negPrimitive: Primitive<undefined> = elementwise({
  name: "neg",
  wgsl: ([x], site) => site.inputs[0] === "f32" ? negated(x, site) : `(-${x})`,
  reference: (x) => -x,
  vjp: ({ cotangent }) => [cotangent.neg()],
});
/** |x|. */
export const absPrimitive: Primitive<undefined> = elementwise({
  name: "abs",
  wgsl: "abs($0)",
  reference: Math.abs,
  vjp: ({ inputs: [x], cotangent }) => [cotangent.mul(x.sign())],
});
/** −1, 0 or 1; a zero with its sign and NaN stay, as in XLA. By bits, as compilers make any zero of what is compared to 0. */
export const signPrimitive: Primitive<undefined> = elementwise({
  name: "sign",
  wgsl: ([x], { type, inputs: [dtype] }) => {
    if (dtype !== "f32") return `sign(${x})`;
    const [T, U] = [type("f32"), type("u32")];
    const signed = `bitcast<${T}>(bitcast<${U}>(sign(${x})) | (bitcast<${U}>(${x}) & ${U}(0x80000000u)))`;
    return `select(${signed}, ${x}, ${isNaNExpression(x, U)})`;
  },
  reference: Math.sign,
  vjp: () => [undefined],
});

/**
 * Adds two operands element by element. Shapes broadcast by NumPy's rule, and sums of integers wrap modulo 2³².
 *
 * Throws a TypeError where the operands' dtypes differ or are none of f32, i32 and u32, and a RangeError where their
 * shapes do not broadcast.
 *
 * @see [jax.numpy.add](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.add.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, 2], [3, 4]]);
 * console.log(await dd.add(x, dd.tensor([10, 20])).data()); // Float32Array [11, 22, 13, 24]
 * ```
 */
export function add(a: TensorLike, b: TensorLike): Tensor {
  return binary(addPrimitive, a, b);
}

/**
 * Subtracts the second operand from the first, element by element. Shapes broadcast by NumPy's rule, and differences of
 * integers wrap modulo 2³².
 *
 * Throws a TypeError where the operands' dtypes differ or are none of f32, i32 and u32, and a RangeError where their
 * shapes do not broadcast.
 *
 * @see [jax.numpy.subtract](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.subtract.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.sub(1, dd.tensor([0.25, 2])).data()); // Float32Array [0.75, -1]
 * ```
 */
export function sub(a: TensorLike, b: TensorLike): Tensor {
  return binary(subPrimitive, a, b);
}

/**
 * Multiplies two operands element by element. Shapes broadcast by NumPy's rule, and products of integers wrap modulo
 * 2³². {@linkcode matmul} multiplies matrices.
 *
 * Throws a TypeError where the operands' dtypes differ or are none of f32, i32 and u32, and a RangeError where their
 * shapes do not broadcast.
 *
 * @see [jax.numpy.multiply](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.multiply.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const rows = dd.tensor([[1], [10]]);
 * console.log(await dd.mul(rows, dd.tensor([2, 3])).data()); // Float32Array [2, 3, 20, 30]
 * ```
 */
export function mul(a: TensorLike, b: TensorLike): Tensor {
  return binary(mulPrimitive, a, b);
}

/**
 * Divides the first operand by the second, element by element. Shapes broadcast by NumPy's rule. A quotient of integers
 * is cut towards zero, and an integer divided by 0 stays as it is; of floats, 1 / 0 is Infinity and 0 / 0 is NaN.
 *
 * Throws a TypeError where the operands' dtypes differ or are none of f32, i32 and u32, and a RangeError where their
 * shapes do not broadcast.
 *
 * @see [jax.lax.div](https://docs.jax.dev/en/latest/_autosummary/jax.lax.div.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.div(dd.tensor([1, -7]), 2).data()); // Float32Array [0.5, -3.5]
 * console.log(await dd.div(dd.tensor([1, -7], { dtype: "i32" }), 2).data()); // Int32Array [0, -3]
 * ```
 */
export function div(a: TensorLike, b: TensorLike): Tensor {
  return binary(divPrimitive, a, b);
}

/**
 * Squares each element of an f32 tensor.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.numpy.square](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.square.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.square(dd.tensor([-3, 0.5])).data()); // Float32Array [9, 0.25]
 * ```
 */
export function square(x: Tensor): Tensor {
  return unary(squarePrimitive, x);
}

/**
 * Takes the larger of two operands, element by element. Shapes broadcast by NumPy's rule. Where one operand is NaN, so
 * is the result; where both are equal, each gets half of the derivative, and of zeros with different signs the second is
 * taken, as in PyTorch. {@linkcode max} takes the largest element of one tensor.
 *
 * Throws a TypeError where the operands' dtypes differ or are none of f32, i32 and u32, and a RangeError where their
 * shapes do not broadcast.
 *
 * @see [torch.maximum](https://docs.pytorch.org/docs/stable/generated/torch.maximum.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.maximum(dd.tensor([1, 5, NaN]), 3).data()); // Float32Array [3, 5, NaN]
 * ```
 */
export function maximum(a: TensorLike, b: TensorLike): Tensor {
  return binary(maximumPrimitive, a, b);
}

/**
 * Takes the smaller of two operands, element by element. Shapes broadcast by NumPy's rule. Where one operand is NaN, so
 * is the result; where both are equal, each gets half of the derivative, and of zeros with different signs the second is
 * taken, as in PyTorch. {@linkcode min} takes the smallest element of one tensor.
 *
 * Throws a TypeError where the operands' dtypes differ or are none of f32, i32 and u32, and a RangeError where their
 * shapes do not broadcast.
 *
 * @see [torch.minimum](https://docs.pytorch.org/docs/stable/generated/torch.minimum.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.minimum(dd.tensor([1, 5, NaN]), 3).data()); // Float32Array [1, 3, NaN]
 * ```
 */
export function minimum(a: TensorLike, b: TensorLike): Tensor {
  return binary(minimumPrimitive, a, b);
}

/**
 * Negates each element of an f32 or i32 tensor; the i32 −2³¹ stays as it is.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.numpy.negative](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.negative.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.neg(dd.tensor([1, -2])).data()); // Float32Array [-1, 2]
 * ```
 */
export function neg(x: Tensor): Tensor {
  return unary(negPrimitive, x, ["f32", "i32"]);
}

/**
 * Takes the absolute value of each element of an f32 or i32 tensor; the i32 −2³¹ stays as it is. The derivative at 0 is
 * 0.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.numpy.abs](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.abs.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.abs(dd.tensor([1, -2])).data()); // Float32Array [1, 2]
 * ```
 */
export function abs(x: Tensor): Tensor {
  return unary(absPrimitive, x, ["f32", "i32"]);
}

/**
 * Gives −1, 0 or 1 by the sign of each element of an f32 or i32 tensor, −0 of −0 and NaN of NaN. The derivative is 0
 * everywhere.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.numpy.sign](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.sign.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.sign(dd.tensor([-2.5, 0, 7])).data()); // Float32Array [-1, 0, 1]
 * ```
 */
export function sign(x: Tensor): Tensor {
  return unary(signPrimitive, x, ["f32", "i32"]);
}
