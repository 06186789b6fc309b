import { where } from "../ops/mod.ts";
import { type Tree, treeFlatten, treeMap, treeUnflatten } from "../tensor/tree.ts";
import { isMomentOf } from "./map_moments.ts";

/** What {@linkcode keepUnstepped} chooses between. */
export interface UnsteppedOptions<Params extends Tree, State extends Tree> {
  /** The parameters that are stepped. */
  readonly params: Params;
  /** State of the optimizer after the step. */
  readonly next: State;
  /** State of the optimizer before the step. */
  readonly before: State;
}

/**
 * An optimizer's state after a step that only some elements of the parameters took: those where `mask` is true, a tree
 * like the parameters, of bools that broadcast to them. What the state holds for the others keeps its bits, by select
 * and not by arithmetic. Counts go on, so that the bias correction of Adam is that of the run, as in PyTorch's
 * `SparseAdam`.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const params = { w: dd.tensor([0, 0]) };
 * const momentum = dd.optim.trace(0.9);
 * const before = momentum.init(params);
 * const { state: next } = momentum.update({ w: dd.tensor([5, 5]) }, before, params);
 * const mask = { w: dd.tensor([1, 0]).greater(0) };
 * const kept = dd.optim.keepUnstepped(mask, { params, next, before });
 * console.log(await dd.tree.leaves(kept)[0].data()); // Float32Array [5, 0]
 * ```
 */
export function keepUnstepped<Params extends Tree, State extends Tree>(
  mask: NoInfer<Params>,
  { params, next, before }: UnsteppedOptions<Params, State>,
): State {
  const isMoment = isMomentOf(params);
  const { leaves: now, structure } = treeFlatten(next, isMoment);
  const { leaves: old } = treeFlatten(before, isMoment);
  return treeUnflatten(structure, now.map((part, i) => treeMap((a, b, m) => where(m, a, b), part, old[i], mask)));
}
