import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { tensor, type Tree, treeFlatten } from "../../lib/tensor/mod.ts";
import { argumentPaths } from "../../lib/transform/argument_paths.ts";

const leaf = tensor([1]);
const pathsOf = (args: readonly Tree[], names?: readonly string[]) =>
  argumentPaths(args.map((arg) => treeFlatten(arg).structure), names).map((path) => path.join("."));

describe("argumentPaths", () => {
  const args = [{ base: { "a.weight": leaf }, moments: [leaf, leaf] }, leaf];

  it("names an argument, then keys and positions", () => {
    const wanted = ["state.base.a.weight", "state.moments.0", "state.moments.1", "batch"];
    expect(pathsOf(args, ["state", "batch"])).toEqual(wanted);
  });

  it("counts arguments that have no name", () => {
    expect(pathsOf(args, ["state"]).at(-1)).toBe("arguments[1]");
    expect(pathsOf([leaf, leaf])).toEqual(["arguments[0]", "arguments[1]"]);
  });

  it("passes over what is no tensor", () => {
    expect(pathsOf([{ mode: "sum", x: leaf }], ["x"])).toEqual(["x.x"]);
  });
});
