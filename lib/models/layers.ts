import { layerNorm } from "../nn/layer_norm.ts";
import { linear, type Params, tensorOf, weightOf } from "../nn/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Layers by the names of their parameters. */
export interface Layers {
  /** The tensor under a name. */
  get(name: string): Tensor;
  /** x Wᵀ + b with `name.weight` and `name.bias`. */
  dense(x: Tensor, name: string): Tensor;
  /** Layer norm with `name.weight` and `name.bias`. */
  norm(x: Tensor, name: string): Tensor;
}

/** Layers that use a model's parameters. */
export function layersOf(params: Params, options: { readonly epsilon: number }): Layers {
  const get = (name: string) => tensorOf(params, name);
  return {
    get,
    dense: (x, name) => linear(x, weightOf(params, `${name}.weight`), get(`${name}.bias`)),
    norm: (x, name) => layerNorm(x, get(`${name}.weight`), get(`${name}.bias`), options),
  };
}
