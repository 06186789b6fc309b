import { Tensor } from "./tensor.ts";
import { isRecord, isTreeNode, type Tree } from "./tree.ts";

/** What stands in a tree under a key of an object or a position in a list or a tree node. */
function below(tree: Tree, key: string | number): Tree | typeof NOTHING {
  const parts: unknown = isTreeNode(tree) ? tree.treeParts() : tree;
  if (Array.isArray(parts)) return key !== "length" && Object.hasOwn(parts, key) ? parts[Number(key)] : NOTHING;
  return isRecord(parts) && Object.hasOwn(parts, key) ? parts[key] : NOTHING;
}

const NOTHING = Symbol("nothing");

/**
 * Finds the part of a tree at a place: for trees of which the compiler knows nothing, such as the moments in an
 * optimizer's state.
 *
 * Throws a RangeError that names the place where nothing stands there.
 *
 * @param tree The tree.
 * @param keys The way there: keys of objects, positions in lists. A name with dots in it is one key.
 * @returns The part, a tree or a tensor.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const state: dd.Tree = { layers: [{ "a.weight": dd.tensor([1, 2]) }] };
 * const layer = dd.tree.part(state, "layers", 0);
 * console.log(dd.tree.leaves(layer).length); // 1
 * ```
 */
export function treePart(tree: Tree, ...keys: readonly (string | number)[]): Tree {
  let at = tree;
  for (const [i, key] of keys.entries()) {
    const found = below(at, key);
    if (found === NOTHING) {
      throw new RangeError(`Cannot find ${keys.slice(0, i + 1).join(" → ")} in a tree as nothing stands there`);
    }
    at = found;
  }
  return at;
}

/**
 * Finds the tensor of a tree at a place, as `tree.part()` finds a part.
 *
 * Throws a RangeError that names the place where nothing stands there, and a TypeError where it is no tensor.
 *
 * @param tree The tree.
 * @param keys The way there: keys of objects, positions in lists. A name with dots in it is one key.
 * @returns The tensor.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const optimizer = dd.optim.adamw({ learningRate: 0.1 });
 * const params = { w: dd.tensor([1, 2]) };
 * const [adam] = optimizer.init(params);
 * console.log(await dd.tree.leaf(adam.mu, "w").data()); // Float32Array [0, 0]
 * ```
 */
export function treeLeaf(tree: Tree, ...keys: readonly (string | number)[]): Tensor {
  const found = treePart(tree, ...keys);
  if (found instanceof Tensor) return found;
  throw new TypeError(`Cannot take ${keys.join(" → ") || "a tree"} for a tensor as it is none`);
}
