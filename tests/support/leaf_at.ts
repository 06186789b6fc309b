import { isRecord, Tensor, type Tree } from "../../lib/tensor/mod.ts";

/** The tree at a place of another, by keys and positions with dots between. Throws a RangeError where there is none. */
export function partAt(tree: Tree, path: string): Tree {
  return path.split(".").reduce<Tree>((at, key) => {
    if (Array.isArray(at) && Number(key) in at) return at[Number(key)];
    if (isRecord(at) && Object.hasOwn(at, key)) return at[key];
    throw new RangeError(`nothing stands at ${path}`);
  }, tree);
}

/** The tensor at a place of a tree. Throws a RangeError where there is none. */
export function leafAt(tree: Tree, path: string): Tensor {
  const found = partAt(tree, path);
  if (found instanceof Tensor) return found;
  throw new RangeError(`no tensor stands at ${path}`);
}
