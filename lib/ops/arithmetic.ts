import { isNaNExpression } from "../../kernels/is_nan.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { equal, greater, less, logicalOr } from "./compare.ts";
import type { TensorLike } from "./constant.ts";
import { binary, elementwise, unary } from "./elementwise.ts";
import type { ExpressionSite, Primitive } from "./primitive.ts";
import { log, square } from "./exponential.ts";
import { where } from "./where.ts";

/** a + b. */
export const addPrimitive: Primitive<undefined> = elementwise({
  name: "add",
  wgsl: "($0 + $1)",
  reference: (a, b) => a + b,
  vjp: ({ cotangent }) => [cotangent, cotangent],
});
/** a − b. */
export const subPrimitive: Primitive<undefined> = elementwise({
  name: "sub",
  wgsl: "($0 - $1)",
  reference: (a, b) => a - b,
  vjp: ({ cotangent, needs }) => [cotangent, needs[1] ? neg(cotangent) : undefined],
});
/** a · b. */
export const mulPrimitive: Primitive<undefined> = elementwise({
  name: "mul",
  wgsl: "($0 * $1)",
  reference: (a, b) => a * b,
  integers: Math.imul,
  vjp: ({ inputs: [a, b], cotangent, needs }) => [
    needs[0] ? mul(cotangent, b) : undefined,
    needs[1] ? mul(cotangent, a) : undefined,
  ],
});
/** a / b. */
export const divPrimitive: Primitive<undefined> = elementwise({
  name: "div",
  wgsl: "($0 / $1)",
  reference: (a, b) => a / b,
  // WGSL's: what is divided by 0 stays.
  integers: (a, b) => b === 0 ? a : Math.trunc(a / b),
  vjp: ({ inputs: [a, b], cotangent, needs }) => [
    needs[0] ? div(cotangent, b) : undefined,
    needs[1] ? neg(div(mul(cotangent, a), square(b))) : undefined,
  ],
});

// WGSL's pow is undefined below zero; this one follows C's for whole exponents and gives NaN for others.
const POW = (width: 1 | 4): string => {
  const scalar = `fn power(x: f32, y: f32) -> f32 {
  if (y == 0.0) { return 1.0; }
  if (y == 1.0) { return x; }
  if (y == 2.0) { return x * x; }
  let p = pow(abs(x), y);
  if (x >= 0.0) { return p; }
  if (y != floor(y)) { return bitcast<f32>(0x7fc00000u | u32(y == floor(y))); }
  return select(p, -p, fract(y * 0.5) != 0.0);
}
`;
  return width === 1 ? scalar : `${scalar}fn power4(x: vec4<f32>, y: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(power(x.x, y.x), power(x.y, y.y), power(x.z, y.z), power(x.w, y.w));
}
`;
};

/** a to the power b. */
export const powPrimitive: Primitive<undefined> = elementwise({
  name: "pow",
  wgsl: (args, { width }) => `power${width === 4 ? "4" : ""}(${args[0]}, ${args[1]})`,
  prelude: POW,
  reference: (a, b) => a ** b,
  vjp: ({ inputs: [a, b], output, cotangent, needs }) => [
    needs[0] ? mul(cotangent, mul(b, pow(a, sub(b, 1)))) : undefined,
    // 0^b does not change with b > 0: the limit of 0·log 0.
    needs[1] ? mul(cotangent, where(equal(a, 0), 0, mul(output, log(where(equal(a, 0), 1, a))))) : undefined,
  ],
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
  vjp: ({ inputs: [a, b], cotangent }) => shareExtremum(cotangent, greater(a, b), equal(a, b)),
});
/** The smaller. NaN wins, as in NumPy. */
export const minimumPrimitive: Primitive<undefined> = elementwise({
  name: "minimum",
  wgsl: choose("<"),
  reference: Math.min,
  vjp: ({ inputs: [a, b], cotangent }) => shareExtremum(cotangent, less(a, b), equal(a, b)),
});

/** Equal operands share the derivative by halves, as in PyTorch. */
function shareExtremum(cotangent: Tensor, first: Tensor, tie: Tensor): Tensor[] {
  const half = mul(cotangent, 0.5);
  return [
    where(tie, half, where(first, cotangent, 0)),
    where(logicalOr(tie, first), where(tie, half, 0), cotangent),
  ];
}

/** −x. */
export const negPrimitive: Primitive<undefined> = elementwise({
  name: "neg",
  wgsl: "(-$0)",
  reference: (x) => -x,
  vjp: ({ cotangent }) => [neg(cotangent)],
});
/** |x|. */
export const absPrimitive: Primitive<undefined> = elementwise({
  name: "abs",
  wgsl: "abs($0)",
  reference: Math.abs,
  vjp: ({ inputs: [x], cotangent }) => [mul(cotangent, sign(x))],
});
/** −1, 0 or 1. */
export const signPrimitive: Primitive<undefined> = elementwise({
  name: "sign",
  wgsl: "sign($0)",
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
/** Power, element by element: x⁰ is 1, a negative base needs a whole exponent and gives NaN else. */
export function pow(a: TensorLike, b: TensorLike): Tensor {
  return binary(powPrimitive, a, b, ["f32"]);
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
/** −1, 0 or 1 by the sign; derivative 0. */
export function sign(x: Tensor): Tensor {
  return unary(signPrimitive, x, ["f32", "i32"]);
}
