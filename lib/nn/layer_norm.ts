import type { Tensor } from "../tensor/tensor.ts";

/**
 * Layer norm over the last axis ([Ba et al. 2016](https://arxiv.org/abs/1607.06450)): (x − mean) / √(variance + ε) ·
 * weight + bias, of x `[..., n]` with weight and bias `[n]`. The variance is divided by n, and ε is 1e-5 by default,
 * both as in PyTorch's `layer_norm`.
 *
 * Throws a RangeError where weight or bias does not broadcast to x.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, 3], [10, 30]]);
 * const y = dd.nn.layerNorm(x, dd.ones([2]), dd.tensor([0, 1]), { epsilon: 0 });
 * console.log(await y.data()); // Float32Array [-1, 2, -1, 2]
 * ```
 */
export function layerNorm(
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  options: { readonly epsilon?: number } = {},
): Tensor {
  return x.normalize({ epsilon: options.epsilon ?? 1e-5 }).mul(weight).add(bias);
}
