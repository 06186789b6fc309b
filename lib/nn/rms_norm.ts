import type { Tensor } from "../tensor/tensor.ts";

/**
 * Root mean square norm over the last axis ([Zhang and Sennrich 2019](https://arxiv.org/abs/1910.07467)): x / √(mean(x²) +
 * ε) · weight, of x `[..., n]` with weight `[n]`. ε is 1e-6 by default.
 *
 * Throws a RangeError where the weight does not broadcast to x.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const y = dd.nn.rmsNorm(dd.tensor([[3, 3], [1, 7]]), dd.tensor([5, 10]), { epsilon: 0 });
 * console.log((await y.data()).map(Math.round)); // Float32Array [5, 10, 1, 14]
 * ```
 */
export function rmsNorm(x: Tensor, weight: Tensor, options: { readonly epsilon?: number } = {}): Tensor {
  const meanSquare = x.square().mean({ axis: -1, keepDims: true });
  return x.mul(meanSquare.add(options.epsilon ?? 1e-6).rsqrt()).mul(weight);
}
