import { Tensor, type Tree } from "../../../mod.ts";

/** The tensors of plain records and lists with their paths, in the order of `treeLeaves`: `factors/0/A`. */
export function namedLeaves(tree: Tree, path = ""): [name: string, leaf: Tensor][] {
  if (tree instanceof Tensor) return [[path, tree]];
  if (typeof tree !== "object" || tree === null) return [];
  return Object.entries(tree as Record<string, Tree>).flatMap(([key, part]) =>
    namedLeaves(part, path === "" ? key : `${path}/${key}`)
  );
}
