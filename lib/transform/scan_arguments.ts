import { formatShape, sameShape } from "../tensor/shape.ts";
import { goneOf, type Tensor } from "../tensor/tensor.ts";
import { type Structure, type StructureNode, type Tree, treeFlatten, treeFlattenLike } from "../tensor/tree.ts";
import { isCount } from "../text/is_count.ts";
import { axesOf } from "./axes.ts";

/** The tensors of a tree, with the way to each. */
export interface NamedLeaves {
  readonly structure: Structure<Tree, Tensor>;
  readonly leaves: readonly Tensor[];
  readonly paths: readonly string[];
}

/** Takes a tree apart that a loop takes or gives. Throws a TypeError that names the tensor where one is stored in f16. */
export function namedLeaves(tree: Tree, path: string): NamedLeaves {
  const { leaves, structure } = treeFlatten(tree);
  const paths = axesOf(structure, undefined, path).map((leaf) => leaf.path);
  leaves.forEach(({ dtype }, i) => {
    if (dtype === "f16") throw new TypeError(`scan: ${paths[i]} is f16, which is for storing alone: cast(x, "f32")`);
  });
  return { structure, leaves, paths };
}

/** How many turns there are. Throws a RangeError that names the tensor whose rows are more or fewer. */
export function countTurns({ leaves, paths }: NamedLeaves, length: number | undefined): number {
  if (length !== undefined && !isCount(length)) {
    throw new RangeError(`scan: \`length\` is a whole number from 0, and not ${length}`);
  }
  const turns = length ?? leaves[0]?.shape[0];
  const wanted = length === undefined ? `${paths[0]} has ${turns}` : `\`length\` is ${length}`;
  leaves.forEach(({ shape }, i) => {
    if (shape.length === 0) throw new RangeError(`scan: ${paths[i]} is a scalar, which has no rows`);
    if (shape[0] === turns) return;
    throw new RangeError(`scan: ${wanted}, and ${paths[i]} ${formatShape(shape)} has ${shape[0]} rows`);
  });
  if (turns === undefined) {
    throw new RangeError("scan: there is no tensor in `xs`: say by `length` how many turns there are");
  }
  return turns;
}

/** The way to the first static value that is another one in a tree of the same structure. */
function changedValue(before: StructureNode, after: StructureNode, path: string): string | undefined {
  if (before.kind === "value") {
    return after.kind === "value" && Object.is(before.value, after.value) ? undefined : path;
  }
  if (before.kind === "leaf" || after.kind === "leaf" || after.kind === "value") return undefined;
  const keys = before.kind === "object" ? before.keys : [...before.parts.keys()];
  const other = after.kind === "object" ? after.keys : [...after.parts.keys()];
  for (const [i, key] of keys.entries()) {
    const found = changedValue(
      before.parts[i],
      after.parts[other.findIndex((one) => one === key)],
      typeof key === "number" ? `${path}[${key}]` : `${path}.${key}`,
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * The tensors that a turn hands to the next one, each in the place of the one that it took.
 *
 * Throws a RangeError where the tree has another structure, and a TypeError where a tensor has another shape or dtype, or
 * another value is not the same; both name the place.
 */
export function handedOn(given: Tree, { structure, leaves, paths }: NamedLeaves): Tensor[] {
  const next = treeFlattenLike(structure, given, "scan: the carry and what the function gave for it");
  const changed = changedValue(structure, treeFlatten(given).structure, "the carry");
  if (changed !== undefined) {
    throw new TypeError(`scan: ${changed} is another value after a turn: what changes must be a tensor`);
  }
  next.forEach(({ shape, dtype }, i) => {
    const one = leaves[i];
    if (sameShape(shape, one.shape) && dtype === one.dtype) return;
    const [was, is] = [`${one.dtype} ${formatShape(one.shape)}`, `${dtype} ${formatShape(shape)}`];
    throw new TypeError(`scan: ${paths[i]} is ${was}, and the function gave ${is} for it`);
  });
  return next;
}

/** Throws where a tensor was disposed of that a turn gave. */
export function requireThere(tensors: readonly Tensor[]): void {
  for (const tensor of tensors) {
    const gone = goneOf(tensor);
    if (gone === undefined) continue;
    throw new Error(`scan: a result of shape ${formatShape(tensor.shape)} was ${gone} before it was returned`);
  }
}
