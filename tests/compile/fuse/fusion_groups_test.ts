import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { type Draft, Drafts } from "../../../lib/compile/fuse/fusion_groups.ts";
import { buildGraph } from "../../../lib/compile/graph/graph.ts";
import { Heap } from "../../../lib/compile/fuse/heap.ts";
import { add, sin } from "../../../lib/ops/mod.ts";
import { holdNodes } from "../../../lib/ops/primitive.ts";
import type { Tensor } from "../../../lib/tensor/mod.ts";
import { Numbers } from "../../support/numbers.ts";

/** All that runs after a draft, found by walking; without ways of one step where it says so. */
function allAfter(drafts: Drafts, first: Draft, { through = false } = {}): Set<Draft> {
  const found = new Set<Draft>();
  const walk = (draft: Draft) => {
    for (const other of drafts.after(draft)) {
      if (found.has(other)) continue;
      found.add(other);
      walk(other);
    }
  };
  if (!through) walk(first);
  else for (const next of new Set(drafts.after(first))) walk(next);
  return found;
}

function randomDrafts(numbers: Numbers): Drafts {
  return holdNodes(() => {
    const tensors: Tensor[] = [numbers.tensor([4]), numbers.tensor([4])];
    while (tensors.length < 40) {
      const near = () => tensors[Math.max(0, tensors.length - 1 - numbers.below(12))];
      tensors.push(numbers.below(3) === 0 ? sin(near()) : add(near(), near()));
    }
    const { nodes } = buildGraph(tensors);
    const drafts = new Drafts(nodes);
    for (const node of nodes) if (node.kind === "map") drafts.add(node, "map");
    return drafts;
  });
}

describe("drafts of kernels", () => {
  it("know what runs before what as a walk along all ways does, while they merge, and while they are put in order", () => {
    for (let seed = 0; seed < 20; seed++) {
      const numbers = new Numbers(seed);
      const drafts = randomDrafts(numbers);
      for (let round = 0; round < 60; round++) {
        const live = [...drafts.live];
        for (const first of live) {
          const [after, throughOthers] = [allAfter(drafts, first), allAfter(drafts, first, { through: true })];
          for (const last of live) {
            if (first === last) continue;
            const found = [drafts.precedes(first, last), drafts.precedes(first, last, { through: true })];
            const wanted = [after.has(last), throughOthers.has(last)];
            if (`${found}` !== `${wanted}`) throw new Error(`seed ${seed}, round ${round}: ${found}, not ${wanted}`);
            if (after.has(last) && last.level <= first.level) throw new Error(`seed ${seed}: a level does not rise`);
          }
        }
        const [a, b] = [live[numbers.below(live.length)], live[numbers.below(live.length)]];
        if (a === b) continue;
        if (round >= 30) {
          if (!allAfter(drafts, b).has(a)) drafts.order(a, b);
          continue;
        }
        const isSeparated = allAfter(drafts, a, { through: true }).has(b) ||
          allAfter(drafts, b, { through: true }).has(a);
        if (!isSeparated) drafts.merge(a, b);
      }
    }
  });
});

describe("Heap", () => {
  it("gives what was put in by ascending keys", () => {
    const numbers = new Numbers(1);
    const keys = Array.from({ length: 200 }, () => numbers.below(50));
    const heap = new Heap<number>();
    for (const key of keys) heap.push(key, key);
    const taken = Array.from({ length: 200 }, () => heap.pop());
    expect(taken).toEqual(keys.sort((a, b) => a - b));
    expect(heap.pop()).toBeUndefined();
  });
});
