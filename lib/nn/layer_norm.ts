import type { Tensor } from "../tensor/tensor.ts";

/** Layer norm over the last axis (1607.06450): (x − mean) / √(variance + ε) · weight + bias; weight and bias `[n]`. */
export function layerNorm(
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  options: { readonly epsilon?: number } = {},
): Tensor {
  return x.normalize({ epsilon: options.epsilon ?? 1e-5 }).mul(weight).add(bias);
}
