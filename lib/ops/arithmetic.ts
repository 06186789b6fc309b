import { isNaNExpression } from "../../kernels/is_nan.ts";
import { opaqueExpression } from "../../kernels/opaque.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { TensorLike } from "../tensor/operation_options.ts";
import { binary, elementwise, unary } from "./elementwise.ts";
import type { ExpressionSite, Primitive } from "./primitive.ts";
import { where } from "./where.ts";

/** a + b. */
export const addPrimitive: Primitive<undefined> = elementwise({
  name: "add",
  wgsl: "($0 + $1)",
  reference: (a, b) => a + b,
  vjp: ({ cotangent }) => [cotangent, cotangent],
});
/**
 * −x by its sign bit: compilers of shaders take x − x and (x + y) − x for 0 and y, also where x is infinite or NaN. The
 * bit is flipped by adding, as they know the exclusive or for a negation.
 */
function negated(x: string, { type }: ExpressionSite): string {
  const words = type("u32");
  return `bitcast<${type("f32")}>(bitcast<${words}>(${x}) + ${words}(0x80000000u))`;
}

/** a − b. */
export const subPrimitive: Primitive<undefined> = elementwise({
  name: "sub",
  wgsl: (args, site) =>
    site.inputs[0] === "f32" ? `(${args[0]} + ${negated(args[1], site)})` : `(${args[0]} - ${args[1]})`,
  reference: (a, b) => a - b,
  vjp: ({ cotangent, needs }) => [cotangent, needs[1] ? cotangent.neg() : undefined],
});

/** An f32 argument, opaque where one of the named operations makes it in the same kernel. */
function opaqueOf(
  made: readonly string[],
  { args, i, site: { type, inputs, makers } }: { args: readonly string[]; i: number; site: ExpressionSite },
): string {
  const isSeen = inputs[i] === "f32" && made.includes(makers[i] ?? "");
  return isSeen ? opaqueExpression(args[i], { T: type("f32"), U: type("u32") }) : args[i];
}

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
  wgsl: (args, site) => `(${opaqueOf(["mul", "square"], { args, i: 0, site })} / ${args[1]})`,
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
 * The first operand where it compares so or is NaN, else the second.
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
  reference: Math.max,
  vjp: ({ inputs: [a, b], cotangent }) => shareExtremum(cotangent, a.greater(b), a.equal(b)),
});
/** The smaller. NaN wins, as in NumPy. */
export const minimumPrimitive: Primitive<undefined> = elementwise({
  name: "minimum",
  wgsl: choose("<"),
  reference: Math.min,
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
/** −1, 0 or 1; NaN of NaN, as in NumPy. */
export const signPrimitive: Primitive<undefined> = elementwise({
  name: "sign",
  wgsl: ([x], { type, inputs: [dtype] }) =>
    dtype === "f32" ? `select(sign(${x}), ${x}, ${isNaNExpression(x, type("u32"))})` : `sign(${x})`,
  reference: Math.sign,
  vjp: () => [undefined],
});

/** Sum, element by element; integers wrap. */
export function add(a: TensorLike, b: TensorLike): Tensor {
  return binary(addPrimitive, a, b);
}
/** Difference, element by element. */
export function sub(a: TensorLike, b: TensorLike): Tensor {
  return binary(subPrimitive, a, b);
}
/** Product, element by element. */
export function mul(a: TensorLike, b: TensorLike): Tensor {
  return binary(mulPrimitive, a, b);
}
/** Quotient, element by element; of integers it is cut towards zero, and what is divided by 0 stays as it is. */
export function div(a: TensorLike, b: TensorLike): Tensor {
  return binary(divPrimitive, a, b);
}
/** x². */
export function square(x: Tensor): Tensor {
  return unary(squarePrimitive, x);
}
/** The larger of two, element by element; equals share the derivative by halves. */
export function maximum(a: TensorLike, b: TensorLike): Tensor {
  return binary(maximumPrimitive, a, b);
}
/** The smaller of two, element by element; equals share the derivative by halves. */
export function minimum(a: TensorLike, b: TensorLike): Tensor {
  return binary(minimumPrimitive, a, b);
}
/** Negation. */
export function neg(x: Tensor): Tensor {
  return unary(negPrimitive, x, ["f32", "i32"]);
}
/** Absolute value; its derivative at 0 is 0. */
export function abs(x: Tensor): Tensor {
  return unary(absPrimitive, x, ["f32", "i32"]);
}
/** −1, 0 or 1 by the sign, NaN of NaN; derivative 0. */
export function sign(x: Tensor): Tensor {
  return unary(signPrimitive, x, ["f32", "i32"]);
}
