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

/**
 * Raises e to the power of each element of an f32 tensor. The result is Infinity from 88.73 on.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.numpy.exp](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.exp.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.exp(dd.tensor([0, 1, -Infinity])).data()); // ≈ Float32Array [1, 2.7183, 0]
 * ```
 */
export function exp(x: Tensor): Tensor {
  return unary(expPrimitive, x);
}

/**
 * Computes the natural logarithm of each element of an f32 tensor: −Infinity of 0, and NaN of a negative number.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.numpy.log](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.log.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.log(dd.tensor([1, 10, 0])).data()); // ≈ Float32Array [0, 2.3026, -Infinity]
 * ```
 */
export function log(x: Tensor): Tensor {
  return unary(logPrimitive, x);
}

/**
 * Computes the square root of each element of an f32 tensor, and NaN of a negative number. The derivative at 0 is
 * infinite.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.numpy.sqrt](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.sqrt.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.sqrt(dd.tensor([4, 2, -1])).data()); // ≈ Float32Array [2, 1.4142, NaN]
 * ```
 */
export function sqrt(x: Tensor): Tensor {
  return unary(sqrtPrimitive, x);
}

/**
 * Computes `1/√x` of each element of an f32 tensor: Infinity of 0, and NaN of a negative number.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.lax.rsqrt](https://docs.jax.dev/en/latest/_autosummary/jax.lax.rsqrt.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.rsqrt(dd.tensor([4, 0.25, 0])).data()); // ≈ Float32Array [0.5, 2, Infinity]
 * ```
 */
export function rsqrt(x: Tensor): Tensor {
  return unary(rsqrtPrimitive, x);
}

/**
 * Computes the sine of each element of an f32 tensor, in radians.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.numpy.sin](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.sin.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.sin(dd.tensor([0, 1, Math.PI / 2])).data()); // ≈ Float32Array [0, 0.8415, 1]
 * ```
 */
export function sin(x: Tensor): Tensor {
  return unary(sinPrimitive, x);
}

/**
 * Computes the cosine of each element of an f32 tensor, in radians.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.numpy.cos](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.cos.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.cos(dd.tensor([0, 1, Math.PI])).data()); // ≈ Float32Array [1, 0.5403, -1]
 * ```
 */
export function cos(x: Tensor): Tensor {
  return unary(cosPrimitive, x);
}

/**
 * Computes the hyperbolic tangent of each element of an f32 tensor, which lies from −1 to 1.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.numpy.tanh](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.tanh.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.tanh(dd.tensor([0, 1, -Infinity])).data()); // ≈ Float32Array [0, 0.7616, -1]
 * ```
 */
export function tanh(x: Tensor): Tensor {
  return unary(tanhPrimitive, x);
}

/**
 * Applies the logistic function, `1 / (1 + e⁻ˣ)`, to each element of an f32 tensor; the result lies from 0 to 1.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.nn.sigmoid](https://docs.jax.dev/en/latest/_autosummary/jax.nn.sigmoid.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.sigmoid(dd.tensor([0, 1, -Infinity])).data()); // ≈ Float32Array [0.5, 0.7311, 0]
 * ```
 */
export function sigmoid(x: Tensor): Tensor {
  return unary(sigmoidPrimitive, x);
}
