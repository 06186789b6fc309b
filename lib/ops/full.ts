import type { DType } from "../tensor/dtype.ts";
import { requireShape, type Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { broadcastTo } from "./broadcast.ts";
import { constant } from "./constant.ts";

/** Options of the functions that make tensors of a shape. */
export interface DTypeOption {
  /** Type of the elements, f32 by default. */
  readonly dtype?: DType;
}

/**
 * Makes a tensor of a shape that holds one number everywhere, f32 by default. The number becomes an element as in
 * {@linkcode tensor}. It takes no memory until a kernel needs it.
 *
 * Throws a RangeError where a size of the shape is no whole number from 0, and a TypeError for f16.
 *
 * @see [jax.numpy.full](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.full.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.full([2, 2], 0.5).data()); // Float32Array [0.5, 0.5, 0.5, 0.5]
 * ```
 */
export function full(shape: Shape, value: number, options: DTypeOption = {}): Tensor {
  return broadcastTo(constant(value, options.dtype), requireShape("full", shape));
}

/**
 * Makes a tensor of zeros of a shape, f32 by default.
 *
 * Throws a RangeError where a size of the shape is no whole number from 0, and a TypeError for f16.
 *
 * @see [jax.numpy.zeros](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.zeros.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.zeros([3], { dtype: "i32" }).data()); // Int32Array [0, 0, 0]
 * ```
 */
export function zeros(shape: Shape, options: DTypeOption = {}): Tensor {
  return full(requireShape("zeros", shape), 0, options);
}

/**
 * Makes a tensor of ones of a shape, f32 by default.
 *
 * Throws a RangeError where a size of the shape is no whole number from 0, and a TypeError for f16.
 *
 * @see [jax.numpy.ones](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.ones.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.ones([1, 3]).data()); // Float32Array [1, 1, 1]
 * ```
 */
export function ones(shape: Shape, options: DTypeOption = {}): Tensor {
  return full(requireShape("ones", shape), 1, options);
}

/**
 * Makes zeros in the shape and dtype of another tensor.
 *
 * Throws a TypeError where that is f16.
 *
 * @see [jax.numpy.zeros_like](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.zeros_like.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.zerosLike(dd.tensor([5, 7])).data()); // Float32Array [0, 0]
 * ```
 */
export function zerosLike(x: Tensor): Tensor {
  return zeros(x.shape, { dtype: x.dtype });
}

/**
 * Makes ones in the shape and dtype of another tensor.
 *
 * Throws a TypeError where that is f16.
 *
 * @see [jax.numpy.ones_like](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.ones_like.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.onesLike(dd.tensor([5, 7])).data()); // Float32Array [1, 1]
 * ```
 */
export function onesLike(x: Tensor): Tensor {
  return ones(x.shape, { dtype: x.dtype });
}
