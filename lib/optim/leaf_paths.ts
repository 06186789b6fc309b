import type { Tensor } from "../tensor/tensor.ts";
import { type Structure, type Tree, treeFlatten } from "../tensor/tree.ts";
import { argumentPaths } from "../transform/argument_paths.ts";

/**
 * Which parameters an optimizer treats in a way of its own, by the tensor and by its path: keys and positions with slashes
 * between, such as `bert.encoder.layer.0.attention.self.query.weight` in a flat record of a model's parameters.
 */
export type ParameterFilter = (param: Tensor, path: string) => boolean;

/** The tensors of a tree in order, the paths by which a {@linkcode ParameterFilter} knows them, and what puts them back. */
export function flattenWithPaths<T extends Tree>(
  tree: T,
): { readonly leaves: readonly Tensor[]; readonly paths: readonly string[]; readonly structure: Structure<T, Tensor> } {
  const { leaves, structure } = treeFlatten(tree);
  const paths = argumentPaths([structure]).map(([, ...path]) => path.join("/"));
  return { leaves, paths, structure };
}
