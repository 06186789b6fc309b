import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { chooseGroup } from "../../../lib/experiment/records/choose_group.ts";

/** All groups of runs, whose names begin with their key. */
function groupsOf(names: readonly string[], most: number, free = 1): string[][] {
  const groups: string[][] = [];
  for (let left = names; left.length > 0;) {
    const group = chooseGroup(left, { most: () => most, free, keyOf: (name) => name[0] });
    groups.push(group);
    left = left.filter((name) => !group.includes(name));
  }
  return groups;
}

describe("chooseGroup()", () => {
  it("takes those that may share the first one's group, wherever they stand", () => {
    expect(groupsOf(["a1", "b1", "a2", "b2", "a3"], 16)).toEqual([["a1", "a2", "a3"], ["b1", "b2"]]);
  });

  it("takes one at a time where groups have one", () => {
    expect(groupsOf(["a1", "a2", "b1"], 1)).toEqual([["a1"], ["a2"], ["b1"]]);
  });

  it("shares runs out evenly, so that their groups have one size", () => {
    const names = Array.from({ length: 18 }, (_, i) => `a${i}`);
    expect(groupsOf(names, 16).map(({ length }) => length)).toEqual([9, 9]);
    expect(groupsOf(names, 8).map(({ length }) => length)).toEqual([6, 6, 6]);
  });

  it("makes more groups where fewer than may begin are left", () => {
    expect(groupsOf(["a1", "a2", "a3", "a4"], 16, 2).map(({ length }) => length)).toEqual([2, 1, 1]);
    expect(groupsOf(["a1", "a2", "b1", "b2"], 16, 2)[0]).toEqual(["a1", "a2"]);
    expect(groupsOf(["a1"], 16, 8)).toEqual([["a1"]]);
  });
});
