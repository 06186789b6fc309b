import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import fc from "fast-check";
import {
  canonicalJson,
  expandRunFile,
  factorRuns,
  grid,
  parseRunFile,
  parseSpec,
  RunFileError,
} from "../../../lib/experiment/mod.ts";
import { sampleSpec } from "../samples.ts";

const expandAll = (file: object) => expandRunFile(parseRunFile({ version: 1, ...file }));

/** What a file is refused with. */
function faultOf(file: object): { readonly message: string; readonly keys: readonly (string | number)[] } {
  try {
    expandAll(file);
  } catch (error) {
    if (error instanceof RunFileError) return { message: error.message, keys: error.keys };
    throw error;
  }
  throw new Error("it is not refused");
}

describe("a file of runs", () => {
  it("has one run where it has no axis", () => {
    expect(expandAll({ run: { task: "rte", steps: 3 } })).toEqual([{ task: "rte", steps: 3 }]);
  });

  it("has every value of one axis with every value of the next, the last one and then seeds fastest", () => {
    const runs = expandAll({
      run: { method: { name: "lora", rank: 8 } },
      axes: { task: ["rte", "cola"], "method.rank": [2, 4] },
      seeds: { count: 2, first: 5 },
    });
    expect(runs.map(({ task, method, seed }) => [task, method?.name, method?.rank, seed])).toEqual([
      ["rte", "lora", 2, 5],
      ["rte", "lora", 2, 6],
      ["rte", "lora", 4, 5],
      ["rte", "lora", 4, 6],
      ["cola", "lora", 2, 5],
      ["cola", "lora", 2, 6],
      ["cola", "lora", 4, 5],
      ["cola", "lora", 4, 6],
    ]);
  });

  it("lets a value follow from another one, as a multiple or by a table", () => {
    const runs = expandAll({
      axes: {
        task: ["rte", "cola"],
        "method.rank": [2, 4],
        "method.alpha": { of: "method.rank", times: 2 },
        steps: { of: "task", values: { rte: 300, cola: 500 } },
      },
    });
    expect(runs.map(({ method, steps }) => [method?.rank, method?.alpha, steps])).toEqual([
      [2, 4, 300],
      [4, 8, 300],
      [2, 4, 500],
      [4, 8, 500],
    ]);
  });

  it("has runs one by one beside what they share", () => {
    const runs = expandAll({
      run: { steps: 5, method: { name: "lora" } },
      runs: [{ task: "rte" }, { task: "cola", "method.name": "full" }],
      seeds: [3],
    });
    expect(runs).toEqual([
      { steps: 5, method: { name: "lora" }, task: "rte", seed: 3 },
      { steps: 5, method: { name: "full" }, task: "cola", seed: 3 },
    ]);
  });

  it("takes a warm-up as a share of the run and a limit of 0, which no whole spec has", () => {
    expect(expandAll({ run: { optimizer: { warmup: 0.06, clip: 0 } } })).toHaveLength(1);
    expect(() => parseSpec({ ...sampleSpec(), optimizer: { ...sampleSpec().optimizer, warmup: 0.06 } })).toThrow(
      /wrong at optimizer.warmup/,
    );
  });

  it("names the nearest key and the place of what it does not know", () => {
    expect(faultOf({ runz: [] })).toMatchObject({
      message: expect.stringMatching(/wrong at runz: .*did you mean "run"/),
      keys: ["runz"],
    });
    expect(faultOf({ run: { optimizer: { lerningRate: 1 } } })).toMatchObject({
      message: expect.stringMatching(/did you mean "learningRate"/),
      keys: ["run", "optimizer", "lerningRate"],
    });
    expect(faultOf({ axes: { "optimizer.learningRat": [1] } })).toMatchObject({
      message: expect.stringMatching(/no "optimizer.learningRat": did you mean "optimizer.learningRate"/),
      keys: ["axes", "optimizer.learningRat"],
    });
    expect(faultOf({ runs: [{ task: "rte" }, { taks: "rte" }] })).toMatchObject({ keys: ["runs", 1, "taks"] });
  });

  it("names the axis or the run that a wrong value comes from", () => {
    expect(faultOf({ axes: { steps: [3, -1] } })).toMatchObject({ keys: ["axes", "steps"] });
    expect(faultOf({ runs: [{ steps: 1.5 }] })).toMatchObject({ keys: ["runs", 0, "steps"] });
    expect(faultOf({ run: { kind: "language-modeling" } }).message).toMatch(/did you mean "language-modelling"/);
  });

  it("refuses what follows from nothing, from no number, or from what its table lacks", () => {
    const follows = (rule: object) => faultOf({ run: { task: "rte" }, axes: { "method.alpha": rule } }).message;
    expect(follows({ of: "method.rank", times: 2 })).toMatch(/which nothing before it says/);
    expect(follows({ of: "task", times: 2 })).toMatch(/which is no number: rte/);
    expect(follows({ of: "task", values: { cola: 2 } })).toMatch(/no value where "task" is rte/);
  });

  it("of a later version is refused", () => {
    expect(() => parseRunFile({ version: 2 })).toThrow(/wrong at version/);
  });
});

describe("factorRuns()", () => {
  const base = sampleSpec();

  it("says once what all runs share, and of each what sets it apart", () => {
    const { run, runs } = factorRuns(grid({ ...base, seed: [0, 1] }));
    expect(runs).toEqual([{ seed: 0 }, { seed: 1 }]);
    expect(run).toEqual({ ...base, seed: undefined });
  });

  it("needs no list of runs for a single one", () => {
    expect(factorRuns([base])).toEqual({ run: base });
  });

  it("loses nothing: the runs of the file that it makes are those it was made of, in their order", () => {
    const specs = fc.array(
      fc.record({
        seed: fc.nat(),
        steps: fc.integer({ min: 1, max: 99 }),
        method: fc.oneof(
          fc.constant({ name: "full" }),
          fc.record({ name: fc.constant("lora"), rank: fc.integer({ min: 1, max: 8 }) }),
        ),
      }),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(fc.property(specs, (parts) => {
      const all = parts.map((part) => parseSpec({ ...base, ...part }));
      const made = expandAll(factorRuns(all)).map(parseSpec);
      expect(made.map(canonicalJson)).toEqual(all.map(canonicalJson));
    }));
  });
});
