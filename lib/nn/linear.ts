import { Tensor } from "../tensor/tensor.ts";
import type { TreeNode } from "../tensor/tree.ts";

/**
 * A weight that is not kept as one matrix, but knows how to project with it: what a method puts in the place of a
 * target for a step, say W plus its factors. {@linkcode linear} takes it like a tensor.
 */
export interface ProjectedWeight extends TreeNode {
  /** x `[..., in]` times the transposed weight, `[..., out]`, without a bias. */
  project(x: Tensor): Tensor;
  /** What the layer gives in place of its output y `[..., out]`, bias included; y itself where this is not defined. */
  adaptOutput?(y: Tensor): Tensor;
}

/** What a model may find under a parameter's name: a tensor, or what a method made of it. */
export type Weight = Tensor | ProjectedWeight;

/** A model's parameters under Hugging Face's names, such as `bert.pooler.dense.weight`. */
export type Params = Readonly<Record<string, Weight>>;

/**
 * A linear layer, x Wᵀ + b, like PyTorch's `linear`: x `[..., in]`, W `[out, in]` (f32, or f16 where it is only stored
 * so) and b `[out]` give f32 `[..., out]`. Without b there is none.
 *
 * Throws a RangeError where sizes do not fit.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const weight = dd.tensor([[1, 0], [0, 1], [1, 1]]);
 * const y = dd.nn.linear(dd.tensor([[2, 3]]), weight, dd.tensor([0, 0, 10]));
 * console.log(y.shape, await y.data()); // [1, 3] Float32Array [2, 3, 15]
 * ```
 */
export function linear(x: Tensor, weight: Weight, bias?: Tensor): Tensor {
  const projected = weight instanceof Tensor ? x.matmul(weight, { transposeB: true }) : weight.project(x);
  const y = bias ? projected.add(bias) : projected;
  return weight instanceof Tensor || !weight.adaptOutput ? y : weight.adaptOutput(y);
}

/** What stands under a parameter's name. Throws an Error where there is no such parameter. */
export function weightOf(params: Params, name: string): Weight {
  if (params[name] === undefined) throw new Error(`no parameter is called ${name}`);
  return params[name];
}

/**
 * The tensor under a parameter's name: for parts of a model that need the matrix itself, which {@linkcode linear} does
 * not.
 *
 * Throws an Error where there is no such parameter, or where a method put a {@linkcode ProjectedWeight} in its place.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const params: dd.Params = { "classifier.bias": dd.zeros([2]) };
 * console.log(dd.nn.tensorOf(params, "classifier.bias").shape); // [2]
 * ```
 */
export function tensorOf(params: Params, name: string): Tensor {
  const value = weightOf(params, name);
  if (value instanceof Tensor) return value;
  throw new Error(`${name}: only linear() can use a weight that a method adapted`);
}
