import { currentExecutor } from "./executor.ts";
import { goneOf, stateOf, Tensor } from "./tensor.ts";

/** What may stand in a tree beside its leaves: functions of trees hand it on as it is. */
export type StaticValue =
  | undefined
  | null
  | boolean
  | number
  | bigint
  | string
  | symbol
  | ((...args: never[]) => unknown);

/**
 * A plain object as far as the compiler can tell: it cannot be iterated over, as a `Map`, a `Set` or a typed array can,
 * and it is no promise.
 */
export interface PlainObject {
  /** Never there: what can be iterated over is no plain object. */
  readonly [Symbol.iterator]?: never;
  /** Never there: what must be awaited first is no plain object. */
  readonly then?: never;
}

/**
 * A plain object that holds trees by name. The compiler refuses collections and promises in its place; objects of other
 * classes are refused when the program runs.
 */
export type TreeRecord<Leaf = Tensor> = { readonly [name: string]: Tree<Leaf> } | (object & PlainObject);

/**
 * Nested plain objects and arrays with tensors as leaves, as parameters, states and batches are held; other values
 * (numbers, strings, functions, `undefined`) may stand beside them. `Leaf` names leaves of another type. An object of a
 * class, a `Map` say, is refused, as the tensors inside would go unseen, unless it is a {@linkcode TreeNode}.
 *
 * `Tree` is the type of a tree of which nothing is known. Functions of trees have a type parameter for what they are
 * given and give the same type back, so that `{ W, b }` stays `{ W, b }`. JAX calls the same thing a
 * [pytree](https://docs.jax.dev/en/latest/pytrees.html).
 */
export type Tree<Leaf = Tensor> = Leaf | StaticValue | TreeNode | readonly Tree<Leaf>[] | TreeRecord<Leaf>;

/**
 * The type of a tree `T` with other leaves: `To` in place of tensors, or of what `From` names.
 *
 * @example
 * ```ts
 * import type * as dd from "@delta-dawn/delta-lora";
 *
 * type Params = { W: dd.Tensor; layers: dd.Tensor[]; name: string };
 * const sizes: dd.tree.MapLeaves<Params, number> = { W: 6, layers: [2, 3], name: "mlp" };
 * console.log(sizes.layers); // [2, 3]
 * ```
 */
export type MapLeaves<T, To, From = Tensor> = Tree<From> extends T ? Tree<To>
  : T extends From ? To
  : T extends StaticValue | TreeNode ? T
  : { [Key in keyof T]: MapLeaves<T[Key], To, From> };

/**
 * The nodes of a {@linkcode Structure}: places of leaves, static values, arrays, plain objects, and {@linkcode
 * TreeNode}s.
 */
export type StructureNode =
  | { readonly kind: "leaf" }
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "array"; readonly parts: readonly StructureNode[] }
  | { readonly kind: "object"; readonly keys: readonly string[]; readonly parts: readonly StructureNode[] }
  | { readonly kind: "opaque"; readonly node: TreeNode; readonly parts: readonly StructureNode[] };

/**
 * What is left of a tree of type `T` without its leaves, which were of type `Leaf`: `tree.flatten()` gives it,
 * and `tree.unflatten()` takes it.
 */
export type Structure<T = unknown, Leaf = unknown> = StructureNode & {
  /** Never there: tells the compiler the type of the tree. */
  readonly tree?: T;
  /** Never there: tells the compiler the type of the leaves. */
  readonly leaf?: Leaf;
};

/**
 * An object with tensors inside that is no plain record: it says what they are and how to be made of others. Whatever
 * tells two objects of its class apart must be among its parts, static values (text, functions) included: a jitted
 * function takes objects with equal parts for the same. A class that implements it may name its parts' types.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * class Scaled implements dd.TreeNode {
 *   constructor(readonly W: dd.Tensor, readonly factor: number) {}
 *   treeParts(): [W: dd.Tensor, factor: number] {
 *     return [this.W, this.factor];
 *   }
 *   withTreeParts([W, factor]: [W: dd.Tensor, factor: number]): Scaled {
 *     return new Scaled(W, factor);
 *   }
 * }
 * await dd.openDevice();
 * const { layer } = dd.tree.map((leaf) => dd.mul(leaf, 2), { layer: new Scaled(dd.tensor([1, 2]), 0.5) });
 * console.log(layer.factor, await layer.W.data()); // 0.5 Float32Array [2, 4]
 * ```
 */
export interface TreeNode {
  /** Gives the tensors and trees inside, in a fixed order. */
  treeParts(): readonly unknown[];
  /** Makes the same object around other parts of the same types. */
  withTreeParts(parts: readonly unknown[]): TreeNode;
}

/** Whether a value is a {@linkcode TreeNode}. */
export function isTreeNode(value: unknown): value is TreeNode {
  return typeof value === "object" && value !== null && "treeParts" in value && "withTreeParts" in value;
}

function isTensor(value: unknown): value is Tensor {
  return value instanceof Tensor;
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
 * Takes a tree apart: its tensors in order, and the structure into which `tree.unflatten()` puts them back.
 *
 * Throws a TypeError where an object in it is neither plain nor a {@linkcode TreeNode}.
 *
 * @see [jax.tree.flatten](https://docs.jax.dev/en/latest/_autosummary/jax.tree.flatten.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const { leaves, structure } = dd.tree.flatten({ w: dd.zeros([2]), layers: [dd.zeros([3])], name: "mlp" });
 * console.log(leaves.length, dd.tree.unflatten(structure, leaves).name); // 2 mlp
 * ```
 */
export function treeFlatten<T extends Tree>(tree: T): { leaves: Tensor[]; structure: Structure<T, Tensor> };
/**
 * Takes a tree apart whose leaves are what `isLeaf` says; tensors that it does not name count as static values.
 *
 * Throws a TypeError where an object in it is neither plain nor a {@linkcode TreeNode} nor a leaf.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const isNumber = (value: unknown) => typeof value === "number";
 * console.log(dd.tree.flatten({ a: 1, b: [2, 3] }, isNumber).leaves); // [1, 2, 3]
 * ```
 */
export function treeFlatten<T extends Tree<Leaf>, Leaf>(
  tree: T,
  isLeaf: (value: unknown) => value is Leaf,
): { leaves: Leaf[]; structure: Structure<T, Leaf> };
export function treeFlatten(
  tree: unknown,
  isLeaf: (value: unknown) => boolean = isTensor,
): { leaves: unknown[]; structure: Structure } {
  const leaves: unknown[] = [];
  const visitAll = (values: readonly unknown[], path: string, step: (i: number) => string): StructureNode[] =>
    Array.from(values, (value, i) => visit(value, path + step(i)));
  const visit = (value: unknown, path: string): StructureNode => {
    if (isLeaf(value)) {
      leaves.push(value);
      return { kind: "leaf" };
    }
    if (isTensor(value)) return { kind: "value", value };
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

/**
 * Puts leaves into a structure and gives the tree; the opposite of `tree.flatten()`.
 *
 * Throws a RangeError where there are more leaves or fewer than the structure has places.
 *
 * @see [jax.tree.unflatten](https://docs.jax.dev/en/latest/_autosummary/jax.tree.unflatten.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const { leaves, structure } = dd.tree.flatten({ w: dd.zeros([2]), b: dd.zeros([3]) });
 * const tree = dd.tree.unflatten(structure, leaves.map((leaf) => dd.expandDims(leaf, 0)));
 * console.log(tree.w.shape, tree.b.shape); // [1, 2] [1, 3]
 * ```
 */
export function treeUnflatten<T, Leaf>(structure: Structure<T, Leaf>, leaves: readonly NoInfer<Leaf>[]): T;
/**
 * Puts leaves of another type into a structure and gives a tree with them in place of the first ones.
 *
 * Throws a RangeError where there are more leaves or fewer than the structure has places.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const { leaves, structure } = dd.tree.flatten({ w: dd.zeros([2]), b: dd.zeros([3]) });
 * console.log(dd.tree.unflatten(structure, leaves.map(({ size }) => size))); // { w: 2, b: 3 }
 * ```
 */
export function treeUnflatten<T, Leaf, To>(
  structure: Structure<T, Leaf>,
  leaves: readonly To[],
): MapLeaves<T, To, Leaf>;
export function treeUnflatten(structure: Structure, leaves: readonly unknown[]): unknown {
  let position = 0;
  const visit = (part: StructureNode): unknown => {
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

/**
 * Lists the tensors of a tree in order.
 *
 * Throws a TypeError where an object in it is neither plain nor a {@linkcode TreeNode}.
 *
 * @see [jax.tree.leaves](https://docs.jax.dev/en/latest/_autosummary/jax.tree.leaves.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const params = { layers: [dd.zeros([2]), dd.zeros([3])], name: "mlp" };
 * console.log(dd.tree.leaves(params).map(({ size }) => size)); // [2, 3]
 * ```
 */
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
  const visit = (part: StructureNode, value: unknown, path: string): void => {
    const fail: (wanted: string) => never = (wanted) => {
      throw new RangeError(`${trees} differ at ${path || "their root"}: one has ${wanted} there, the other does not`);
    };
    switch (part.kind) {
      case "leaf":
        if (!isTensor(value)) return fail("a tensor");
        leaves.push(value);
        return;
      case "value":
        if (isTensor(value)) fail("no tensor");
        return;
      case "array":
        if (!Array.isArray(value) || value.length !== part.parts.length) return fail(`a list of ${part.parts.length}`);
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
 * Applies a function to the tensors of a tree, and to those at the same places of further trees. Gives a tree of the
 * type of the first, with what the function gave in place of tensors.
 *
 * Throws a RangeError where a further tree has another structure, and a TypeError where an object in a tree is neither
 * plain nor a {@linkcode TreeNode}.
 *
 * @see [jax.tree.map](https://docs.jax.dev/en/latest/_autosummary/jax.tree.map.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const [params, step] = [{ W: dd.tensor([1, 2]), b: dd.tensor([3]) }, { W: dd.tensor([10, 10]), b: dd.tensor([1]) }];
 * const next = dd.tree.map((value, change) => value.sub(change), params, step);
 * console.log(await next.W.data(), await next.b.data()); // Float32Array [-9, -8] Float32Array [2]
 * ```
 */
export function treeMap<T extends Tree>(
  fn: (leaf: Tensor, ...rest: Tensor[]) => Tensor,
  tree: T,
  ...rest: readonly Tree[]
): T;
/**
 * Applies a function that gives something else than tensors, and gives a tree with that in their place.
 *
 * Throws a RangeError where a further tree has another structure, and a TypeError where an object in a tree is neither
 * plain nor a {@linkcode TreeNode}.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const params = { W: dd.tensor([[1, 2], [3, 4]]), name: "linear" };
 * const shapes = dd.tree.map(({ shape }) => shape.join("×"), params);
 * console.log(shapes); // { W: "2×2", name: "linear" }
 * ```
 */
export function treeMap<T extends Tree, To>(
  fn: (leaf: Tensor, ...rest: Tensor[]) => To,
  tree: T,
  ...rest: readonly Tree[]
): MapLeaves<T, To>;
export function treeMap(
  fn: (leaf: Tensor, ...rest: Tensor[]) => unknown,
  tree: Tree,
  ...rest: readonly Tree[]
): unknown {
  const { leaves, structure } = treeFlatten(tree);
  const others = rest.map((other) => treeFlattenLike(structure, other));
  return treeUnflatten(structure, leaves.map((leaf, i) => fn(leaf, ...others.map((other) => other[i]))));
}

/**
 * Computes every tensor of a tree in one submission, and resolves to the same tree once that is with the device;
 * {@linkcode Tensor.data} waits for it. Tensors are computed when their elements are asked for in any case: this does
 * it sooner, and all at once.
 *
 * Rejects with an Error where no device is open.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([1, 2]);
 * const { sum, mean } = await dd.evaluate({ sum: x.sum(), mean: x.mean() });
 * console.log(await sum.item(), await mean.item()); // 3 1.5
 * ```
 */
export async function evaluate<T extends Tree>(tree: T): Promise<T> {
  const pending = treeLeaves(tree).filter((leaf) => goneOf(leaf) === undefined && stateOf(leaf).kind === "node");
  if (pending.length > 0) await currentExecutor().evaluate(pending);
  return tree;
}

/**
 * Disposes every tensor of a tree, each by {@linkcode Tensor.dispose}.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const params = { w: dd.tensor([1, 2]), b: dd.tensor([3]) };
 * const total = params.w.sum().add(params.b);
 * dd.tree.dispose(params); // what was made of them before is not touched
 * console.log(await total.data()); // Float32Array [6]
 * ```
 */
export function treeDispose(tree: Tree): void {
  for (const leaf of treeLeaves(tree)) leaf.dispose();
}
