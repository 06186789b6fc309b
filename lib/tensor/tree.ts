import { currentExecutor } from "./executor.ts";
import { goneOf, stateOf, Tensor } from "./tensor.ts";

/**
 * Tensors in nested plain objects and arrays: how parameters, states and batches are held. Leaves are tensors; other
 * values (numbers, strings, functions, `undefined`) may stand beside them. Objects of classes, a `Map` among them, are
 * refused, as the tensors inside would go unseen, unless they are {@linkcode TreeNode}s.
 */
// deno-lint-ignore no-explicit-any -- a tree is any nesting of plain data: its own type says what it holds
export type Tree = any;

/** The shape of a tree without its leaves. */
export type Structure =
  | { readonly kind: "leaf" }
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "array"; readonly parts: readonly Structure[] }
  | { readonly kind: "object"; readonly keys: readonly string[]; readonly parts: readonly Structure[] }
  | { readonly kind: "opaque"; readonly node: TreeNode; readonly parts: readonly Structure[] };

/**
 * An object with tensors inside that is no plain record: it says what they are and how to be made of others. Whatever
 * tells two objects of its class apart must be among its parts, static values (text, functions) included: a jitted
 * function takes objects with equal parts for the same.
 */
export interface TreeNode {
  /** The tensors and trees inside, in a fixed order. */
  treeParts(): readonly Tree[];
  /** The same object around other parts. */
  withTreeParts(parts: readonly Tree[]): Tree;
}

function isTreeNode(value: unknown): value is TreeNode {
  return typeof value === "object" && value !== null && "treeParts" in value && "withTreeParts" in value;
}

/** Whether a value is a plain object, `{ … }`. */
export function isRecord(value: unknown): value is Record<string, Tree> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A step further down in a tree, as messages name it. */
const below = (path: string, key: string): string => path ? `${path}.${key}` : key;

function refuseObject(value: object, path: string): never {
  const name = Object.getPrototypeOf(value).constructor?.name || "an object of an unnamed class";
  throw new TypeError(
    `Cannot use ${name} as a part of a tree (at ${
      path || "its root"
    }), as tensors inside it would go unseen: use plain ` +
      "objects and arrays, or give its class treeParts() and withTreeParts()",
  );
}

/**
 * Leaves of a tree in order, and the structure that puts them back. `isLeaf` may name leaves that are no tensors.
 *
 * Throws a TypeError where an object in it is neither plain nor a {@linkcode TreeNode}.
 */
export function treeFlatten<L = Tensor>(
  tree: Tree,
  isLeaf: (value: unknown) => boolean = (value) => value instanceof Tensor,
): { leaves: L[]; structure: Structure } {
  const leaves: L[] = [];
  const visitAll = (values: readonly unknown[], path: string, step: (i: number) => string): Structure[] =>
    Array.from(values, (value, i) => visit(value, path + step(i)));
  const visit = (value: unknown, path: string): Structure => {
    if (isLeaf(value)) {
      leaves.push(value as L);
      return { kind: "leaf" };
    }
    if (value instanceof Tensor) return { kind: "value", value };
    if (Array.isArray(value)) return { kind: "array", parts: visitAll(value, path, (i) => `[${i}]`) };
    if (isTreeNode(value)) {
      return { kind: "opaque", node: value, parts: visitAll(value.treeParts(), path, (i) => `.${i}`) };
    }
    if (isRecord(value)) {
      const keys = Object.keys(value);
      return { kind: "object", keys, parts: keys.map((key) => visit(value[key], below(path, key))) };
    }
    if (typeof value === "object" && value !== null) refuseObject(value, path);
    return { kind: "value", value };
  };
  const structure = visit(tree, "");
  return { leaves, structure };
}

/** Puts leaves into a structure; the opposite of {@linkcode treeFlatten}. */
export function treeUnflatten(structure: Structure, leaves: readonly unknown[]): Tree {
  let position = 0;
  const visit = (part: Structure): Tree => {
    switch (part.kind) {
      case "leaf":
        return leaves[position++];
      case "value":
        return part.value;
      case "array":
        return part.parts.map(visit);
      case "opaque":
        return part.node.withTreeParts(part.parts.map(visit));
      case "object":
        return Object.fromEntries(part.keys.map((key, i) => [key, visit(part.parts[i])]));
    }
  };
  const tree = visit(structure);
  if (position !== leaves.length) throw new RangeError(`a tree of ${position} leaves cannot hold ${leaves.length}`);
  return tree;
}

/** The tensors of a tree in order. */
export function treeLeaves(tree: Tree): Tensor[] {
  return treeFlatten(tree).leaves;
}

/**
 * Leaves of a tree in the order of a structure: records are matched by key, in whatever order they hold them. `trees` is
 * what messages call the two.
 *
 * Throws a RangeError that names the place where the tree differs.
 */
export function treeFlattenLike(structure: Structure, tree: Tree, trees = "trees"): Tensor[] {
  const leaves: Tensor[] = [];
  const visit = (part: Structure, value: Tree, path: string): void => {
    const fail = (wanted: string): never => {
      throw new RangeError(`${trees} differ at ${path || "their root"}: one has ${wanted} there, the other does not`);
    };
    switch (part.kind) {
      case "leaf":
        if (!(value instanceof Tensor)) fail("a tensor");
        leaves.push(value);
        return;
      case "value":
        if (value instanceof Tensor) fail("no tensor");
        return;
      case "array":
        if (!Array.isArray(value) || value.length !== part.parts.length) fail(`a list of ${part.parts.length}`);
        return part.parts.forEach((inner, i) => visit(inner, value[i], `${path}[${i}]`));
      case "opaque": {
        const { constructor } = part.node;
        if (!isTreeNode(value) || value.constructor !== constructor) return fail(`a ${constructor.name}`);
        const inside = value.treeParts();
        if (inside.length !== part.parts.length) fail(`${part.parts.length} parts`);
        return part.parts.forEach((inner, i) => visit(inner, inside[i], `${path}.${i}`));
      }
      case "object": {
        if (!isRecord(value)) return fail("an object");
        const extra = Object.keys(value).find((key) => !part.keys.includes(key));
        if (extra !== undefined) fail(`no key ${extra}`);
        part.keys.forEach((key, i) => {
          if (!Object.hasOwn(value, key)) fail(`the key ${key}`);
          visit(part.parts[i], value[key], below(path, key));
        });
      }
    }
  };
  visit(structure, tree, "");
  return leaves;
}

/**
 * Applies a function to the tensors of a tree, and to those at the same places of further trees.
 *
 * Throws a RangeError where a further tree has another structure.
 */
export function treeMap(fn: (leaf: Tensor, ...rest: Tensor[]) => unknown, tree: Tree, ...rest: Tree[]): Tree {
  const { leaves, structure } = treeFlatten(tree);
  const others = rest.map((other) => treeFlattenLike(structure, other));
  return treeUnflatten(structure, leaves.map((leaf, i) => fn(leaf, ...others.map((other) => other[i]))));
}

/** Computes every tensor of a tree, in one submission; resolves to the same tree. */
export async function evaluate<T extends Tree>(tree: T): Promise<T> {
  const pending = treeLeaves(tree).filter((leaf) => goneOf(leaf) === undefined && stateOf(leaf).kind === "node");
  if (pending.length > 0) await currentExecutor().evaluate(pending);
  return tree;
}

/** Disposes every tensor of a tree. */
export function treeDispose(tree: Tree): void {
  for (const leaf of treeLeaves(tree)) leaf.dispose();
}
