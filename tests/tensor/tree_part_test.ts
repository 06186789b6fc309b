import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { tensor, type Tree, treeLeaf, treePart } from "../../lib/tensor/mod.ts";
import { LowRankWeight } from "../../lib/peft/low_rank_weight.ts";

const [W, A, B] = [tensor([[1]]), tensor([[2]]), tensor([[3]])];
const tree: Tree = {
  "layer.0.weight": W,
  list: [undefined, { A }],
  weight: new LowRankWeight(W, [{ left: B, right: A, scale: 2 }]),
};

describe("a part of a tree", () => {
  it("is found by keys, whatever dots they have, by positions, and in tree nodes", () => {
    expect(treePart(tree)).toBe(tree);
    expect(treePart(tree, "layer.0.weight")).toBe(W);
    expect(treePart(tree, "list", 0)).toBeUndefined();
    expect(treePart(tree, "list", "1")).toEqual({ A });
    expect(treeLeaf(tree, "list", 1, "A")).toBe(A);
    expect(treeLeaf(tree, "weight", 1, 0, "left")).toBe(B);
  });

  it("is asked for in vain where nothing stands, and what is no tensor is none", () => {
    expect(() => treePart(tree, "list", 2, "A")).toThrow("Cannot find list → 2 in a tree as nothing stands there");
    expect(() => treePart(tree, "layer", "0")).toThrow(RangeError);
    expect(() => treePart(tree, "toString")).toThrow("Cannot find toString in a tree");
    expect(() => treePart(W, "shape")).toThrow("Cannot find shape");
    expect(() => treeLeaf(tree, "list", 1)).toThrow("Cannot take list → 1 for a tensor as it is none");
    expect(() => treeLeaf(tree)).toThrow(TypeError);
  });
});
