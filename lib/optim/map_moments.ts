import { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeFlatten, treeUnflatten } from "../tensor/tree.ts";

/** The keys and shapes of a tree in words, the same in whatever order records hold them. */
function outline(tree: unknown): string {
  if (tree instanceof Tensor) return `[${tree.shape}]`;
  if (Array.isArray(tree)) return `(${tree.map(outline)})`;
  if (typeof tree !== "object" || tree === null) return "";
  const parts = Object.entries(tree).sort(([a], [b]) => a < b ? -1 : 1);
  return `{${parts.map(([key, part]) => `${JSON.stringify(key)}${outline(part)}`)}}`;
}

/** What tells moments, trees like the parameters, from the rest of an optimizer's state. */
export function isMomentOf<Params extends Tree>(params: Params): (value: unknown) => value is Params {
  const own = outline(params);
  return (value): value is Params => outline(value) === own;
}

/**
 * An optimizer's state with its moments replaced by what a function makes of them: the trees in it that are like the
 * parameters, in their order, such as Adam's first and second moments or the velocity of momentum. Counts stay.
 *
 * Throws a RangeError where the function gives another number of trees.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const params = { w: dd.tensor([1, 2]) };
 * const momentum = dd.optim.trace(0.9);
 * const { state } = momentum.update({ w: dd.tensor([4, 6]) }, momentum.init(params), params);
 * const halved = dd.optim.mapMoments(state, params, ([velocity]) => [{ w: velocity.w.mul(0.5) }]);
 * console.log(await dd.tree.leaves(halved)[0].data()); // Float32Array [2, 3]
 * ```
 */
export function mapMoments<Params extends Tree, State extends Tree>(
  state: State,
  params: Params,
  change: (moments: readonly Params[]) => readonly Params[],
): State {
  const { leaves, structure } = treeFlatten(state, isMomentOf(params));
  return treeUnflatten(structure, change(leaves));
}
