import { div, squaredNorm } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeLeaves, treeMap } from "../tensor/tree.ts";
import type { Optimizer } from "./optimizer.ts";

/**
 * The norm of all elements of a tree together, the root of their sum of squares: an f32 scalar.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.optim.globalNorm({ w: dd.tensor([2, 4]), b: dd.tensor([4]) }).item()); // 6
 * ```
 */
export function globalNorm(tree: Tree): Tensor {
  return squaredNorm(treeLeaves(tree)).sqrt();
}

/**
 * A tree scaled down so that its norm is at most `maxNorm`, and the norm before, an f32 scalar: what PyTorch's
 * `clip_grad_norm_` does in place, with the same 1e-6 added to the norm. Without a limit, the tree as it is.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const { clipped, norm } = dd.optim.clipToNorm({ w: dd.tensor([3, 4]) }, 1);
 * console.log(await norm.item(), (await dd.optim.globalNorm(clipped).item()).toFixed(4)); // 5 1.0000
 * ```
 */
export function clipToNorm<T extends Tree>(tree: T, maxNorm?: number): { clipped: T; norm: Tensor } {
  const norm = globalNorm(tree);
  if (maxNorm === undefined) return { clipped: tree, norm };
  const factor = div(maxNorm, norm.add(1e-6)).minimum(1);
  return { clipped: treeMap((leaf) => leaf.mul(factor), tree), norm };
}

/**
 * A transformation that scales gradients down so that the norm of all of them together is at most `maxNorm`, as
 * {@linkcode clipToNorm} does: to be the first of a {@linkcode chain}.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const optimizer = dd.optim.chain(dd.optim.clipByGlobalNorm(1), dd.optim.scaleByLearningRate(1));
 * const params = { w: dd.tensor([0, 0]) };
 * const { updates } = optimizer.update({ w: dd.tensor([30, 40]) }, optimizer.init(params), params);
 * console.log((await dd.optim.globalNorm(updates).item()).toFixed(4)); // 1.0000
 * ```
 */
export function clipByGlobalNorm(maxNorm: number): Optimizer<Record<string, never>> {
  return { init: () => ({}), update: (grads, state) => ({ updates: clipToNorm(grads, maxNorm).clipped, state }) };
}
