import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { planGroups, type PlanGroupsOptions } from "../../../lib/experiment/records/plan_groups.ts";

/** Groups of runs, whose names begin with their key. */
const groupsOf = (names: readonly string[], most: number, options: Partial<PlanGroupsOptions<string>> = {}) =>
  planGroups(names, { most: () => most, keyOf: (name) => name[0], parallel: 1, ...options });

/** So many runs of a key. */
const runs = (key: string, count: number) => Array.from({ length: count }, (_, i) => `${key}${i}`);

/** Sizes of groups by key, in the order in which they begin. */
const sizesOf = (groups: readonly (readonly string[])[]) => groups.map((own) => `${own[0][0]} ${own.length}`);

describe("planGroups()", () => {
  it("puts those together that may share a group, wherever they stand", () => {
    expect(groupsOf(["a1", "b1", "a2", "b2", "a3"], 16)).toEqual([["a1", "a2", "a3"], ["b1", "b2"]]);
  });

  it("takes one at a time where groups have one, as they stand where they are equally long", () => {
    expect(groupsOf(["a1", "b1", "a2"], 1)).toEqual([["a1"], ["b1"], ["a2"]]);
    expect(groupsOf(runs("a", 3), 1, { parallel: 2 })).toEqual([["a0"], ["a1"], ["a2"]]);
  });

  it("begins with what takes longest where there are several workers", () => {
    const work: Record<string, number> = { a: 1, b: 5, c: 3 };
    const workOf = (name: string) => work[name[0]];
    const names = ["a1", "a2", "b1", "c1", "c2"];
    expect(sizesOf(groupsOf(names, 16, { workOf, parallel: 2, beginWork: 1 }))).toEqual(["c 2", "b 1", "a 2"]);
    expect(sizesOf(groupsOf(names, 16, { workOf }))).toEqual(["a 2", "b 1", "c 2"]);
  });

  it("shares runs out evenly, so that their groups have one size", () => {
    expect(sizesOf(groupsOf(runs("a", 18), 16))).toEqual(["a 9", "a 9"]);
    expect(sizesOf(groupsOf(runs("a", 18), 8))).toEqual(["a 6", "a 6", "a 6"]);
  });

  it("makes more groups where one worker would end long after the others", () => {
    expect(sizesOf(groupsOf(runs("a", 4), 16, { parallel: 2 }))).toEqual(["a 2", "a 2"]);
    expect(groupsOf(["a1"], 16, { parallel: 8 })).toEqual([["a1"]]);
    const two = groupsOf([...runs("a", 18), ...runs("b", 15)], 16, { parallel: 2 });
    expect(sizesOf(two)).toEqual(["b 15", "a 9", "a 9"]);
    const uneven = groupsOf([...runs("a", 16), ...runs("b", 8)], 16, { parallel: 2, beginWork: 1 });
    expect(sizesOf(uneven)).toEqual(["b 8", "a 4", "a 4", "a 4", "a 4"]);
    // What is split first changes nothing for the whole while the other is still one group.
    const eight = groupsOf([...runs("a", 16), ...runs("b", 16)], 16, { parallel: 8, beginWork: 1 });
    expect(Math.max(...eight.map(({ length }) => length))).toBeLessThanOrEqual(4);
  });

  it("leaves groups whole where another program costs more than the wait for the last", () => {
    const both = [...runs("a", 3), ...runs("b", 2)];
    expect(sizesOf(groupsOf(both, 16, { parallel: 2, beginWork: 10 }))).toEqual(["a 3", "b 2"]);
  });

  it("gives each run once", () => {
    const all = [...runs("a", 34), ...runs("b", 23), ...runs("c", 1), ...runs("d", 5)];
    const groups = groupsOf(all, 12, { parallel: 3, beginWork: 1, workOf: (name) => name.length });
    expect(groups.flat().toSorted()).toEqual(all.toSorted());
    expect(Math.max(...groups.map(({ length }) => length))).toBeLessThanOrEqual(12);
  });
});
