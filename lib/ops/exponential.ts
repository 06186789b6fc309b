import { expExpression } from "../../kernels/exponential.ts";
import { hyperbolicTangentSource } from "../../kernels/hyperbolic_tangent.ts";
import { isNaNExpression } from "../../kernels/is_nan.ts";
import { logarithmSource } from "../../kernels/logarithm.ts";
import { rootExpression } from "../../kernels/roots.ts";
import { trigonometrySource } from "../../kernels/trigonometry.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { sub } from "./arithmetic.ts";
import { elementwise, unary } from "./elementwise.ts";
import type { Primitive } from "./primitive.ts";

/** eˣ. */
export const expPrimitive: Primitive<undefined> = elementwise({
  name: "exp",
  wgsl: ([x], { type }) => expExpression(x, type("u32")),
  reference: Math.exp,
  vjp: ({ output, cotangent }) => [cotangent.mul(output)],
});
/** Natural logarithm. */
export const logPrimitive: Primitive<undefined> = elementwise({
  name: "log",
  wgsl: "logarithm($0)",
  prelude: logarithmSource,
  reference: Math.log,
  vjp: ({ inputs: [x], cotangent }) => [cotangent.div(x)],
});
/** √x. */
export const sqrtPrimitive: Primitive<undefined> = elementwise({
  name: "sqrt",
  wgsl: ([x], { type }) => rootExpression("sqrt", x, { T: type("f32"), U: type("u32") }),
  reference: Math.sqrt,
  vjp: ({ output, cotangent }) => [cotangent.mul(0.5).div(output)],
});
/** 1/√x. */
export const rsqrtPrimitive: Primitive<undefined> = elementwise({
  name: "rsqrt",
  wgsl: ([x], { type }) => rootExpression("inverseSqrt", x, { T: type("f32"), U: type("u32") }),
  reference: (x) => 1 / Math.sqrt(x),
  vjp: ({ inputs: [x], output, cotangent }) => [cotangent.mul(-0.5).mul(output).div(x)],
});
/** Sine. */
export const sinPrimitive: Primitive<undefined> = elementwise({
  name: "sin",
  wgsl: ([x], { width }) => `sine${width === 4 ? "4" : ""}(${x})`,
  prelude: trigonometrySource,
  reference: Math.sin,
  vjp: ({ inputs: [x], cotangent }) => [cotangent.mul(x.cos())],
});
/** Cosine. */
export const cosPrimitive: Primitive<undefined> = elementwise({
  name: "cos",
  wgsl: ([x], { width }) => `cosine${width === 4 ? "4" : ""}(${x})`,
  prelude: trigonometrySource,
  reference: Math.cos,
  vjp: ({ inputs: [x], cotangent }) => [cotangent.mul(x.sin()).neg()],
});
/** Hyperbolic tangent. */
export const tanhPrimitive: Primitive<undefined> = elementwise({
  name: "tanh",
  wgsl: "hyperbolicTangent($0)",
  prelude: hyperbolicTangentSource,
  reference: Math.tanh,
  vjp: ({ output, cotangent }) => [cotangent.mul(sub(1, output.square()))],
});
/** 1/(1 + e⁻ˣ). */
export const sigmoidPrimitive: Primitive<undefined> = elementwise({
  name: "sigmoid",
  wgsl: ([x], { type }) =>
    `(${type("f32")}(1.0) / (${type("f32")}(1.0) + select(exp(-${x}), ${x}, ${isNaNExpression(x, type("u32"))})))`,
  reference: (x) => 1 / (1 + Math.exp(-x)),
  vjp: ({ output, cotangent }) => [cotangent.mul(output.mul(sub(1, output)))],
});

/** eˣ. */
export function exp(x: Tensor): Tensor {
  return unary(expPrimitive, x);
}
/** Natural logarithm. */
export function log(x: Tensor): Tensor {
  return unary(logPrimitive, x);
}
/** Square root. */
export function sqrt(x: Tensor): Tensor {
  return unary(sqrtPrimitive, x);
}
/** 1/√x. */
export function rsqrt(x: Tensor): Tensor {
  return unary(rsqrtPrimitive, x);
}
/** Sine of radians. */
export function sin(x: Tensor): Tensor {
  return unary(sinPrimitive, x);
}
/** Cosine of radians. */
export function cos(x: Tensor): Tensor {
  return unary(cosPrimitive, x);
}
/** Hyperbolic tangent. */
export function tanh(x: Tensor): Tensor {
  return unary(tanhPrimitive, x);
}
/** Logistic function. */
export function sigmoid(x: Tensor): Tensor {
  return unary(sigmoidPrimitive, x);
}
