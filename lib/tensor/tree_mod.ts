/**
 * Nested plain data with tensors inside ({@linkcode Tree}): how parameters, states and batches are held.
 *
 * @module
 */
export {
  type MapLeaves,
  type PlainObject,
  type StaticValue,
  type Structure,
  type StructureNode,
  treeDispose as dispose,
  treeFlatten as flatten,
  treeLeaves as leaves,
  treeMap as map,
  type TreeNode,
  type TreeRecord,
  treeUnflatten as unflatten,
} from "./tree.ts";
export { treeLeaf as leaf, treePart as part } from "./tree_part.ts";
