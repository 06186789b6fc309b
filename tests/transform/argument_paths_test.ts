import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { tensor, type Tree, treeFlatten } from "../../lib/tensor/mod.ts";
import { argumentPaths } from "../../lib/transform/argument_paths.ts";

const leaf = tensor([1]);
const pathsOf = (f: (...args: never[]) => unknown, args: readonly Tree[]) =>
  argumentPaths(f, args.map((arg) => treeFlatten(arg).structure)).map((path) => path.join("."));

describe("argumentPaths", () => {
  const args = [{ base: { "a.weight": leaf }, moments: [leaf, leaf] }, leaf];

  it("names a parameter, then keys and positions", () => {
    const wanted = ["state.base.a.weight", "state.moments.0", "state.moments.1", "batch"];
    expect(pathsOf((state: unknown, batch: unknown) => [state, batch], args)).toEqual(wanted);
    expect(pathsOf(function step(state: unknown, batch: unknown) {
      return [state, batch];
    }, args)).toEqual(wanted);
  });

  it("counts parameters whose names a function does not tell", () => {
    expect(pathsOf(({ base }: { base: unknown }, batch: unknown) => [base, batch], args).at(-1)).toBe("1");
    expect(pathsOf((...all: unknown[]) => all, args).at(-1)).toBe("1");
    expect(pathsOf(Math.max, [leaf, leaf])).toEqual(["0", "1"]);
  });

  it("passes over what is no tensor", () => {
    expect(pathsOf((x: unknown) => x, [{ mode: "sum", x: leaf }])).toEqual(["x.x"]);
  });
});
