import { expm1Source, log1pSource } from "../../kernels/near_zero.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { elementwise, unary } from "./elementwise.ts";
import type { Primitive } from "./primitive.ts";

/** log(1 + x). */
export const log1pPrimitive: Primitive<undefined> = elementwise({
  name: "log1p",
  wgsl: "logarithmOfOnePlus($0)",
  prelude: log1pSource,
  reference: Math.log1p,
  vjp: ({ inputs: [x], cotangent }) => [cotangent.div(x.add(1))],
});
/** eˣ − 1. */
export const expm1Primitive: Primitive<undefined> = elementwise({
  name: "expm1",
  wgsl: "exponentialMinusOne($0)",
  prelude: expm1Source,
  reference: Math.expm1,
  vjp: ({ inputs: [x], cotangent }) => [cotangent.mul(x.exp())],
});

/**
 * Computes `log(1 + x)` of each element of an f32 tensor, with all digits also near 0, where `1 + x` has lost them: −∞
 * of −1, NaN below.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.numpy.log1p](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.log1p.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.log1p(dd.tensor([1e-10, 1, -1])).data()); // ≈ Float32Array [1e-10, 0.6931, -Infinity]
 * ```
 */
export function log1p(x: Tensor): Tensor {
  return unary(log1pPrimitive, x);
}

/**
 * Computes `eˣ − 1` of each element of an f32 tensor, with all digits also near 0, where `eˣ` has lost them.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.numpy.expm1](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.expm1.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.expm1(dd.tensor([1e-10, 1, -Infinity])).data()); // ≈ Float32Array [1e-10, 1.7183, -1]
 * ```
 */
export function expm1(x: Tensor): Tensor {
  return unary(expm1Primitive, x);
}
