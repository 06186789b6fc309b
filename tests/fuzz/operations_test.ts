import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { OPERATIONS } from "./build.ts";
import { generate } from "./generate.ts";
import { DRAWINGS, NO_OPERATIONS } from "./operations.ts";

describe("operations of fuzzed programs", () => {
  it("are all that the folders of operations, layers and factorizations export, but for what is none", () => {
    expect([...Object.keys(DRAWINGS), ...Object.keys(NO_OPERATIONS)].sort()).toEqual([...OPERATIONS.keys()].sort());
  });

  it("stand each in some of the first 400 programs", () => {
    const drawn = new Set<string>();
    for (let number = 0; number < 400; number++) for (const { op } of generate(number).nodes) drawn.add(op);
    expect([...drawn].sort()).toEqual(Object.keys(DRAWINGS).sort());
  });
});
