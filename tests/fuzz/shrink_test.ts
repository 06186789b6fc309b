import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { generate } from "./generate.ts";
import type { Program } from "./program.ts";
import { shrink } from "./shrink.ts";

/** The first program that calls an operation. */
function programWith(op: string, fits: (program: Program) => boolean = () => true): Program {
  for (let number = 0;; number++) {
    const program = generate(number);
    if (program.nodes.some((node) => node.op === op) && fits(program)) return program;
  }
}

describe("shrink", () => {
  it("leaves the one operation that fails, on a leaf of one element", async () => {
    const program = programWith("erf", ({ nodes }) => nodes.length > 6);
    const small = await shrink(program, (candidate) => Promise.resolve(candidate.nodes.some(({ op }) => op === "erf")));
    expect(small.nodes.map(({ op }) => op)).toEqual(["erf"]);
    expect(small.leaves.map(({ shape, given }) => [shape.every((size) => size <= 1), given])).toEqual([[true, "host"]]);
    expect(small).not.toHaveProperty("loop");
    expect(small).not.toHaveProperty("derive");
    expect(small).not.toHaveProperty("segment");
    expect(small.jit).toBe(false);
  });

  it("keeps what the fault needs", async () => {
    const program = programWith("mul", ({ loop }) => loop?.optimizer === "adamw" && loop.steps > 1);
    const fails = ({ loop, jit }: Program) =>
      Promise.resolve(jit === program.jit && loop !== undefined && loop.steps > 1);
    const small = await shrink(program, fails);
    expect(small.loop?.steps).toBe(2);
    expect(small.nodes.length).toBeLessThan(program.nodes.length);
  });
});
