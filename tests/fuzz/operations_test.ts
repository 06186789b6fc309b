import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { OPERATIONS } from "./build.ts";
import { generate } from "./generate.ts";
import { DRAWINGS } from "./operations.ts";

describe("operations of fuzzed programs", () => {
  it("are all that lib/ops/mod.ts exports", () => {
    expect(Object.keys(DRAWINGS).sort()).toEqual([...OPERATIONS.keys()].sort());
  });

  it("stand each in some of the first 400 programs", () => {
    const drawn = new Set<string>();
    for (let number = 0; number < 400; number++) for (const { op } of generate(number).nodes) drawn.add(op);
    expect([...drawn].sort()).toEqual(Object.keys(DRAWINGS).sort());
  });
});
