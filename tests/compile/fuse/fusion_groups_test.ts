import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { type FusionGroup, FusionGroups } from "../../../lib/compile/fuse/fusion_groups.ts";
import { buildGraph } from "../../../lib/compile/graph/graph.ts";
import { Heap } from "../../../lib/compile/fuse/heap.ts";
import { add, sin } from "../../../lib/ops/mod.ts";
import { holdNodes } from "../../../lib/ops/primitive.ts";
import type { Tensor } from "../../../lib/tensor/mod.ts";
import { Numbers } from "../../support/numbers.ts";

/** All that runs after a group, found by walking; without ways of one step where it says so. */
function allAfter(groups: FusionGroups, first: FusionGroup, { through = false } = {}): Set<FusionGroup> {
  const found = new Set<FusionGroup>();
  const walk = (group: FusionGroup) => {
    for (const other of groups.after(group)) {
      if (found.has(other)) continue;
      found.add(other);
      walk(other);
    }
  };
  if (!through) walk(first);
  else for (const next of new Set(groups.after(first))) walk(next);
  return found;
}

function randomGroups(numbers: Numbers): FusionGroups {
  return holdNodes(() => {
    const tensors: Tensor[] = [numbers.tensor([4]), numbers.tensor([4])];
    while (tensors.length < 40) {
      const near = () => tensors[Math.max(0, tensors.length - 1 - numbers.below(12))];
      tensors.push(numbers.below(3) === 0 ? sin(near()) : add(near(), near()));
    }
    const { nodes } = buildGraph(tensors);
    const groups = new FusionGroups(nodes);
    for (const node of nodes) if (node.kind === "map") groups.add(node, "map");
    return groups;
  });
}

describe("groups of nodes that become kernels", () => {
  it("know what runs before what as a walk along all ways does, while they merge, and while they are put in order", () => {
    for (let seed = 0; seed < 20; seed++) {
      const numbers = new Numbers(seed);
      const groups = randomGroups(numbers);
      for (let round = 0; round < 60; round++) {
        const live = [...groups.live];
        for (const first of live) {
          const [after, throughOthers] = [allAfter(groups, first), allAfter(groups, first, { through: true })];
          for (const last of live) {
            if (first === last) continue;
            const found = [groups.precedes(first, last), groups.precedes(first, last, { through: true })];
            const wanted = [after.has(last), throughOthers.has(last)];
            if (`${found}` !== `${wanted}`) throw new Error(`seed ${seed}, round ${round}: ${found}, not ${wanted}`);
            if (after.has(last) && last.level <= first.level) throw new Error(`seed ${seed}: a level does not rise`);
          }
        }
        const [a, b] = [live[numbers.below(live.length)], live[numbers.below(live.length)]];
        if (a === b) continue;
        if (round >= 30) {
          if (!allAfter(groups, b).has(a)) groups.order(a, b);
          continue;
        }
        const isSeparated = allAfter(groups, a, { through: true }).has(b) ||
          allAfter(groups, b, { through: true }).has(a);
        if (!isSeparated) groups.merge(a, b);
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
