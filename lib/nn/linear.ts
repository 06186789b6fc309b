import { Tensor } from "../tensor/tensor.ts";
import type { TreeNode } from "../tensor/tree.ts";

/** A weight that is not kept as one matrix, but knows how to project with it. A method makes one of a target. */
export interface ProjectedWeight extends TreeNode {
  /** x `[..., in]` → `[..., out]`. */
  project(x: Tensor): Tensor;
  /** What the layer gives in place of its output y `[..., out]`, bias included; y itself by default. */
  adaptOutput?(y: Tensor): Tensor;
}

/** What a model may meet under a parameter's name. */
export type Weight = Tensor | ProjectedWeight;

/** A model's parameters under Hugging Face's names, such as `bert.pooler.dense.weight`. */
export type Params = Readonly<Record<string, Weight>>;

/** x Wᵀ + b: x `[..., in]`, W `[out, in]`, b `[out]` → `[..., out]`. */
export function linear(x: Tensor, weight: Weight, bias?: Tensor): Tensor {
  const projected = weight instanceof Tensor ? x.matmul(weight, { transposeB: true }) : weight.project(x);
  const y = bias ? projected.add(bias) : projected;
  return weight instanceof Tensor || !weight.adaptOutput ? y : weight.adaptOutput(y);
}

/** The tensor under a name. Throws where there is none, or where a method put something else there. */
export function tensorOf(params: Params, name: string): Tensor {
  const value = params[name];
  if (value instanceof Tensor) return value;
  throw new Error(
    value ? `${name}: only linear() can use a weight that a method adapted` : `no parameter is called ${name}`,
  );
}
