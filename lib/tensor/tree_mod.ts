/**
 * Nested plain data with tensors inside ({@linkcode Tree}): how parameters, states and batches are held.
 *
 * @module
 */
export {
  type Structure,
  treeDispose as dispose,
  treeFlatten as flatten,
  treeLeaves as leaves,
  treeMap as map,
  type TreeNode,
  treeUnflatten as unflatten,
} from "./tree.ts";
