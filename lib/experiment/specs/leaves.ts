/** A dotted path, such as `optimizer.learningRate`, and what stands there. */
export type PathAndLeaf = readonly [path: string, leaf: unknown];

/**
 * What stands where in plain data: all that is no object, with its path. Lists are gone into by their indices, or stand
 * whole where `lists` says so.
 */
export function leavesOf(value: unknown, options: { readonly lists?: "inside" | "whole" } = {}): PathAndLeaf[] {
  const { lists = "inside" } = options;
  const visit = (part: unknown, path: string): PathAndLeaf[] => {
    if (typeof part !== "object" || part === null || (lists === "whole" && Array.isArray(part))) return [[path, part]];
    return Object.entries(part).flatMap(([key, below]) => visit(below, path === "" ? key : `${path}.${key}`));
  };
  return visit(value, "");
}
