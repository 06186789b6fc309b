import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { cellsThatFit } from "../../experiments/runner/cells_that_fit.ts";
import { shareOut } from "../../experiments/runner/share_out.ts";

describe("shareOut()", () => {
  const runs = (count: number, hiddenSize = 64) => Array.from({ length: count }, () => ({ hiddenSize }));
  const [lavapipe, swiftShader, gpu] = [
    { isSoftware: true, name: "llvmpipe (LLVM 19.1.7, 256 bits)" },
    { isSoftware: true, name: "SwiftShader Device (LLVM 10.0.0)" },
    { isSoftware: false, name: "a GPU" },
  ];
  const cores = navigator.hardwareConcurrency;

  it("trains runs of a small model together, on cores in as many processes as there are", () => {
    const parallel = Math.min(cores, 8);
    for (const device of [lavapipe, swiftShader]) {
      expect(shareOut(runs(400), device)).toEqual({ parallel, cells: 16 });
    }
    expect(shareOut(runs(400), gpu)).toEqual({ parallel: 1, cells: 16 });
  });

  it("starts no process for a few runs", () => {
    expect(shareOut(runs(3), lavapipe)).toEqual({ parallel: 1, cells: 16 });
  });

  it("trains few runs one after the other where compiling is slow", () => {
    expect(shareOut(runs(10), swiftShader)).toEqual({ parallel: 1, cells: 1 });
    expect(shareOut(runs(10), lavapipe).cells).toBe(16);
  });

  it("trains runs of a large model one after the other", () => {
    expect(shareOut(runs(400, 384), lavapipe)).toEqual({ parallel: 1, cells: 1 });
  });
});

describe("cellsThatFit()", () => {
  const room = { all: 1000, tensor: 100 };

  it("gives what is wanted where there is room", () => {
    expect(cellsThatFit(8, { all: 100, largest: 10 }, room)).toBe(8);
  });

  it("gives fewer where all, or one tensor, would be too much", () => {
    expect(cellsThatFit(16, { all: 300, largest: 1 }, room)).toBe(3);
    expect(cellsThatFit(16, { all: 1, largest: 26 }, room)).toBe(3);
  });

  it("gives one where not even that has room, as it may fit all the same", () => {
    expect(cellsThatFit(16, { all: 5000, largest: 1 }, room)).toBe(1);
  });
});
