import { Tensor, type Tree } from "../../../mod.ts";
import { isRecord } from "../../../lib/tensor/mod.ts";

/** The tensors of plain records and lists with their paths, in the order of `treeLeaves`: `factors/0/A`. */
export function namedLeaves(tree: Tree, path = ""): [name: string, leaf: Tensor][] {
  if (tree instanceof Tensor) return [[path, tree]];
  if (!Array.isArray(tree) && !isRecord(tree)) return [];
  return Object.entries<Tree>(tree).flatMap(([key, part]) => namedLeaves(part, path === "" ? key : `${path}/${key}`));
}
