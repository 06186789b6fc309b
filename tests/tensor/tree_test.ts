import { expect } from "expect";
import fc from "fast-check";
import { describe, it } from "@std/testing/bdd";
import {
  evaluate,
  Tensor,
  tensor,
  type Tree,
  treeDispose,
  treeFlatten,
  treeLeaves,
  treeMap,
  type TreeNode,
  treeUnflatten,
} from "../../lib/tensor/mod.ts";

/** An object with tensors inside that is no record. */
class Pair implements TreeNode {
  constructor(readonly first: Tree, readonly second: Tree) {}
  treeParts(): readonly Tree[] {
    return [this.first, this.second];
  }
  withTreeParts([first, second]: readonly Tree[]): Pair {
    return new Pair(first, second);
  }
}

class Other extends Pair {}

/** Trees of tensors, static values and all kinds of nodes. */
const { tree: trees } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.integer().map((value) => tensor(value)),
    fc.constantFrom(undefined, null, "text", 3, true, Math.abs),
    fc.array(tie("tree"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "weight", "__proto__", "0"), tie("tree"), { maxKeys: 3 }),
    fc.tuple(tie("tree"), tie("tree")).map(([first, second]) => new Pair(first, second)),
  ),
}));

describe("a tree", () => {
  it("comes back from its leaves and its structure, whatever stands in it", () => {
    fc.assert(fc.property(trees, (tree) => {
      const { leaves, structure } = treeFlatten(tree);
      expect(leaves.every((leaf) => leaf instanceof Tensor)).toBe(true);
      expect(treeUnflatten(structure, leaves)).toEqual(tree);
    }));
  });

  it("keeps static values and functions as they are", () => {
    const tree = {
      x: tensor(1),
      name: "adam",
      f: Math.sin,
      nothing: undefined,
      pair: new Pair(1, tensor(2)),
    };
    const copy = treeMap((leaf) => leaf, tree);
    expect(copy).not.toBe(tree);
    expect(copy.x).toBe(tree.x);
    expect(copy.f).toBe(Math.sin);
    expect(copy.pair).toBeInstanceOf(Pair);
    expect(Object.keys(copy)).toEqual(Object.keys(tree));
  });

  it("refuses objects of classes, whose tensors would go unseen, and says where one stands", async () => {
    class Model {
      constructor(readonly W: Tensor) {}
    }
    const cases: readonly [unknown, string][] = [
      [new Model(tensor(1)), "Cannot use Model as a part of a tree (at its root)"],
      [{ a: [tensor(1), new Map([["w", tensor(1)]])] }, "Cannot use Map as a part of a tree (at a[1])"],
      [{ a: { b: new Set([tensor(1)]) } }, "Cannot use Set as a part of a tree (at a.b)"],
      // @ts-expect-error -- the compiler refuses what can be iterated over, where it sees it
      [[new Pair(tensor(1), new Float32Array(2))], "Cannot use Float32Array as a part of a tree (at [0].1)"],
      [{ later: Promise.resolve(tensor(1)) }, "Cannot use Promise as a part of a tree (at later)"],
      [new Date(0), "Cannot use Date as a part of a tree (at its root)"],
    ];
    for (const [tree, message] of cases) {
      const given = tree as Tree; // as a caller may give it who does not ask the compiler
      for (const use of [treeFlatten, treeLeaves, treeDispose, (t: Tree) => treeMap((leaf) => leaf, t)]) {
        expect(() => void use(given)).toThrow(TypeError);
        expect(() => void use(given)).toThrow(message);
      }
      await expect(evaluate(given)).rejects.toThrow(message);
    }
  });

  it("gives its leaves in the order in which it holds them", async () => {
    const tree = { b: [tensor(0), { z: tensor(1) }], a: new Pair(tensor(2), [tensor(3)]) };
    expect(await Promise.all(treeLeaves(tree).map((leaf) => leaf.item()))).toEqual([0, 1, 2, 3]);
  });

  it("may have other leaves than tensors", () => {
    const { leaves, structure } = treeFlatten({ a: 1, b: [2, "x"] }, (value) => typeof value === "number");
    expect(leaves).toEqual([1, 2]);
    expect(treeUnflatten(structure, [10, 20])).toEqual({ a: 10, b: [20, "x"] });
  });

  it("refuses another number of leaves than it holds", () => {
    const { structure } = treeFlatten([tensor(1), tensor(2)]);
    expect(() => treeUnflatten(structure, [tensor(1)])).toThrow("a tree of 2 leaves cannot hold 1");
    expect(() => treeUnflatten(structure, [1, 2, 3].map((x) => tensor(x)))).toThrow("a tree of 2 leaves cannot hold 3");
  });

  it("is mapped with others leaf by leaf, records by their keys in whatever order", () => {
    const [a, b, c, d] = [1, 2, 3, 4].map((x) => tensor(x));
    const pairs: Tensor[][] = [];
    treeMap((...leaves) => pairs.push(leaves), { x: a, y: { z: b } }, { y: { z: d }, x: c });
    expect(pairs).toEqual([[a, c], [b, d]]);
  });

  it("names the place where another one differs", () => {
    const x = tensor(1);
    const cases: readonly [Tree, Tree, string][] = [
      [{ a: x }, { b: x }, "at their root: one has no key b there"],
      [{ a: x, b: x }, { a: x }, "at their root: one has the key b there"],
      [{ a: { b: [x, x] } }, { a: { b: [x] } }, "at a.b: one has a list of 2 there"],
      [{ a: { b: [x, x] } }, { a: { b: [x, 3] } }, "at a.b[1]: one has a tensor there"],
      [{ a: [undefined] }, { a: [x] }, "at a[0]: one has no tensor there"],
      [{ a: { b: x } }, { a: x }, "at a: one has an object there"],
      [[new Pair(x, x)], [[x, x]], "at [0]: one has a Pair there"],
      [[new Pair(x, x)], [new Other(x, x)], "at [0]: one has a Pair there"],
      [[new Pair(x, [x])], [new Pair(x, [])], "at [0].1: one has a list of 1 there"],
      [x, undefined, "at their root: one has a tensor there"],
      [{ toString: x }, {}, "at their root: one has the key toString there"],
    ];
    for (const [one, other, message] of cases) {
      expect(() => treeMap((leaf) => leaf, one, other)).toThrow(RangeError);
      expect(() => treeMap((leaf) => leaf, one, other)).toThrow(`trees differ ${message}, the other does not`);
    }
  });

  it("is disposed as a whole", async () => {
    const tree = { a: tensor(1), b: [new Pair(tensor(2), "kept")] };
    treeDispose(tree);
    for (const leaf of treeLeaves(tree)) await expect(leaf.data()).rejects.toThrow("it was disposed");
  });
});
