import type { DType } from "../tensor/dtype.ts";
import { requireShape, type Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { broadcastTo } from "./broadcast.ts";
import { constant } from "./constant.ts";

/** Options of functions that make tensors. */
export interface DTypeOption {
  /** Element type, `f32` by default. */
  readonly dtype?: DType;
}

/** A tensor that holds one number everywhere; it becomes an element as in `tensor()`. */
export function full(shape: Shape, value: number, options: DTypeOption = {}): Tensor {
  return broadcastTo(constant(value, options.dtype), requireShape("full", shape));
}

/** A tensor of zeros. */
export function zeros(shape: Shape, options: DTypeOption = {}): Tensor {
  return full(requireShape("zeros", shape), 0, options);
}

/** A tensor of ones. */
export function ones(shape: Shape, options: DTypeOption = {}): Tensor {
  return full(requireShape("ones", shape), 1, options);
}

/** Zeros in the shape and dtype of another tensor. */
export function zerosLike(x: Tensor): Tensor {
  return zeros(x.shape, { dtype: x.dtype });
}

/** Ones in the shape and dtype of another tensor. */
export function onesLike(x: Tensor): Tensor {
  return ones(x.shape, { dtype: x.dtype });
}
