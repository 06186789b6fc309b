import { add } from "../ops/mod.ts";
import { type Tree, treeMap } from "../tensor/tree.ts";

/** Parameters plus updates, leaf by leaf. */
export function applyUpdates(params: Tree, updates: Tree): Tree {
  return treeMap((p, u) => add(p, u), params, updates);
}
