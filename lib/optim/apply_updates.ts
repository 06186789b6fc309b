import { type Tree, treeMap } from "../tensor/tree.ts";

/** Parameters plus updates, leaf by leaf. */
export function applyUpdates<Params extends Tree>(params: Params, updates: NoInfer<Params>): Params {
  return treeMap((p, u) => p.add(u), params, updates);
}
