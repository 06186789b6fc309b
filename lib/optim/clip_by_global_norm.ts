import { div, squaredNorm } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeLeaves, treeMap } from "../tensor/tree.ts";
import type { Optimizer } from "./optimizer.ts";

/** The root of the sum of squares of all elements of a tree. */
export function globalNorm(tree: Tree): Tensor {
  return squaredNorm(treeLeaves(tree)).sqrt();
}

/**
 * A tree scaled down so that its norm is at most `maxNorm`, and the norm before; like PyTorch's `clip_grad_norm_`. Where
 * there is no limit, the tree as it is.
 */
export function clipToNorm<T extends Tree>(tree: T, maxNorm?: number): { clipped: T; norm: Tensor } {
  const norm = globalNorm(tree);
  if (maxNorm === undefined) return { clipped: tree, norm };
  const factor = div(maxNorm, norm.add(1e-6)).minimum(1);
  return { clipped: treeMap((leaf) => leaf.mul(factor), tree), norm };
}

/** Scales gradients down so that the norm of all together is at most `maxNorm`. */
export function clipByGlobalNorm(maxNorm: number): Optimizer<Record<string, never>> {
  return { init: () => ({}), update: (grads, state) => ({ updates: clipToNorm(grads, maxNorm).clipped, state }) };
}
