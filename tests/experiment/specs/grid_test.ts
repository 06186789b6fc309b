import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import fc from "fast-check";
import { canonicalJson, grid, METHOD_OPTIONS, type RunSpec } from "../../../lib/experiment/mod.ts";
import { sampleSpec } from "../samples.ts";

const base = sampleSpec();

describe("grid()", () => {
  it("gives a spec without lists as it is", () => {
    expect(grid(base)).toEqual([base]);
  });

  it("varies the seed faster than the method, and the method faster than the task, as they stand in the spec", () => {
    const specs = grid({
      ...base,
      seed: [0, 1],
      method: [{ name: "lora", rank: 4 }, { name: "full" }],
      task: ["rte", "cola"],
    });
    expect(specs.map(({ task, method, seed }) => `${task} ${method.name} ${seed}`)).toEqual([
      "rte lora 0",
      "rte lora 1",
      "rte full 0",
      "rte full 1",
      "cola lora 0",
      "cola lora 1",
      "cola full 0",
      "cola full 1",
    ]);
    expect(specs[0]).toEqual({ ...base, task: "rte", method: { name: "lora", rank: 4 }, seed: 0 });
  });

  it("takes lists at any depth, and inside of the choices of another", () => {
    const { learningRate: _, ...optimizer } = base.optimizer;
    const specs = grid({
      ...base,
      method: [{ name: "lora", rank: [2, 4] }, { name: "full" }],
      optimizer: { ...optimizer, learningRate: [1e-3, 3e-3] },
    });
    expect(specs.map(({ method, optimizer }) => [method.rank, optimizer.learningRate])).toEqual([
      [2, 1e-3],
      [2, 3e-3],
      [4, 1e-3],
      [4, 3e-3],
      [undefined, 1e-3],
      [undefined, 3e-3],
    ]);
  });

  it("takes lists by dotted paths, which vary faster than those in the spec", () => {
    const specs = grid({ ...base, seed: [0, 1] }, { "method.rank": [2, 4], "optimizer.learningRate": 2e-3 });
    expect(specs.map(({ seed, method }) => [seed, method.rank])).toEqual([[0, 2], [0, 4], [1, 2], [1, 4]]);
    expect(specs.every(({ optimizer }) => optimizer.learningRate === 2e-3)).toBe(true);
    expect(specs.every(({ method }) => method.alpha === base.method.alpha)).toBe(true);
  });

  it("takes what belongs to the rest of a spec from a function, be it one value or several", () => {
    const metrics: Record<string, string> = { rte: "accuracy", cola: "matthewsCorrelation" };
    const specs = grid({ ...base, task: ["rte", "cola"] }, {
      metric: ({ task }: RunSpec) => metrics[task],
      "method.startStep": ({ steps, task }: RunSpec) => task === "rte" ? [0, steps / 2] : 0,
    });
    expect(specs.map(({ task, metric, method }) => [task, metric, method.startStep])).toEqual([
      ["rte", "accuracy", 0],
      ["rte", "accuracy", 2],
      ["cola", "matthewsCorrelation", 0],
    ]);
  });

  it("takes several specs to begin with", () => {
    const other = sampleSpec({ task: "rte", metric: "accuracy" });
    const specs = grid([base, other], { seed: [3, 4] });
    expect(specs).toEqual([{ ...base, seed: 3 }, { ...base, seed: 4 }, { ...other, seed: 3 }, { ...other, seed: 4 }]);
  });

  it("gives every combination once, in an order that is the same each time", () => {
    const axis = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });
    fc.assert(fc.property(axis, axis, axis, (seeds, steps, ranks) => {
      const make = () => grid({ ...base, steps, seed: seeds }, { "method.rank": ranks });
      const specs = make();
      const size = [seeds, steps, ranks].reduce((product, list) => product * new Set(list).size, 1);
      expect(specs).toHaveLength(size);
      expect(new Set(specs.map(canonicalJson)).size).toBe(size);
      expect(make()).toEqual(specs);
      expect(specs[0]).toEqual({
        ...base,
        steps: steps[0],
        seed: seeds[0],
        method: { ...base.method, rank: ranks[0] },
      });
    }));
  });

  it("changes nothing that it is given", () => {
    const given = { ...sampleSpec(), seed: [0, 1] };
    const before = structuredClone(given);
    const [first] = grid(given, { "method.rank": [2] });
    expect(given).toEqual(before);
    expect(first.method).not.toBe(given.method);
  });

  const refused: [what: string, make: () => unknown, message: string][] = [
    ["an empty list in the spec", () => grid({ ...base, seed: [] }), "Cannot make a grid as its axis seed is empty"],
    [
      "an empty list inside of a part",
      () => grid({ ...base, method: { name: "lora", rank: [] } }),
      "method.rank is empty",
    ],
    ["an empty list beside the spec", () => grid(base, { "method.rank": [] }), "its axis method.rank is empty"],
    ["no specs", () => grid([]), "its axis of specs is empty"],
    [
      "a path that there is not",
      () => grid(base, { "optimiser.learningRate": [1] }),
      'over "optimiser.learningRate" as a spec has no such place: did you mean "optimizer.learningRate"?',
    ],
    [
      "a method's option that there is not",
      () => grid(base, { "method.rnak": [1] }),
      'over "method.rnak" as a spec has no such place: did you mean "method.rank"?',
    ],
    [
      "a method's option that there is not, in the spec",
      () => grid({ ...base, method: { name: "lora", aplha: [8, 16] } }),
      'did you mean "method.alpha"?',
    ],
    [
      "a name that there is not",
      () => grid({ ...base, task: ["rte", "colla"] }, {}, { names: { task: ["rte", "cola"] } }),
      'Cannot make a grid as "colla" at task is unknown: did you mean "cola"? There are rte, cola',
    ],
    [
      "a method's name that there is not",
      () => grid(base, { "method.name": ["lora", "delta-lroa"] }, { names: { "method.name": ["lora", "delta-lora"] } }),
      'did you mean "delta-lora"?',
    ],
    [
      "a key that there is not",
      () => grid({ ...base, sed: [0, 1] } as typeof base),
      'a run\'s spec is wrong at sed: there is no such key: did you mean "seed"?',
    ],
    ["a value that cannot be", () => grid(base, { steps: [4, 0] }), "a run's spec is wrong at steps"],
  ];
  for (const [what, make, message] of refused) {
    it(`refuses ${what} and names it`, () => expect(make).toThrow(message));
  }

  it("takes options of methods of one's own where they are named", () => {
    const own = { ...base, method: { name: "mine", tau: [1, 2] } };
    expect(() => grid(own)).toThrow('over "method.tau"');
    expect(grid(own, {}, { methodOptions: ["tau"] }).map(({ method }) => method.tau)).toEqual([1, 2]);
  });

  it("knows every option that has a column", () => {
    for (const option of Object.keys(METHOD_OPTIONS)) {
      expect(grid(base, { [`method.${option}`]: ["one", "two"] })).toHaveLength(2);
    }
  });
});
