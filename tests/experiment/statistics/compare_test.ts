import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { compare, type Comparison, type ScoredRun } from "../../../lib/experiment/mod.ts";
import { drawnRows } from "../samples_of_scores.ts";

const row = (method: string, task: string, seed: number, score?: number): ScoredRun => ({ method, task, seed, score });
const of = ({ methods }: Comparison, name: string) => methods.find(({ method }) => method === name)!;

describe("compare()", () => {
  it("lets each task weigh the same in means, spreads, medians and differences", () => {
    const rows = [
      row("lora", "rte", 0, 0.5),
      row("lora", "rte", 1, 0.7),
      row("lora", "sst2", 0, 0.8),
      row("lora", "sst2", 1, 0.8),
      row("lora", "sst2", 2, 0.8),
      row("lora", "sst2", 3, 0.9),
      ...[0, 1].map((seed) => row("dora", "rte", seed, 0.8)),
      ...[0, 1, 2, 3].map((seed) => row("dora", "sst2", seed, 0.8)),
    ];
    const comparison = compare(rows, { baseline: "lora" });
    const lora = of(comparison, "lora");
    expect(lora.mean).toBeCloseTo((0.6 + 0.825) / 2, 12);
    // Variances 0.02 and 0.0025.
    expect(lora.deviation).toBeCloseTo(Math.sqrt((0.02 + 0.0025) / 2), 12);
    expect(lora.median).toBeCloseTo((0.6 + 0.8) / 2, 12);
    expect(lora.difference).toBeUndefined();
    const { difference } = of(comparison, "dora");
    expect(difference!.mean).toBeCloseTo((0.2 - 0.025) / 2, 12);
    expect(difference).toMatchObject({ pairs: 6, tasks: ["rte", "sst2"], leftOut: 0 });
    expect(comparison).toMatchObject({ tasks: ["rte", "sst2"], seeds: [0, 1, 2, 3], level: 0.05 });
  });

  it("pairs by task and seed, whatever the order of rows, and takes out what pairs share", () => {
    const rows = drawnRows({ means: { a: 0.7, b: 0.72 }, tasks: ["x", "y"], seeds: 5, spread: 0, seed: 1 });
    const difference = of(compare([...rows].reverse(), { baseline: "a" }), "b").difference!;
    expect(difference.mean).toBeCloseTo(0.02, 12);
    expect(difference.interval![0]).toBeCloseTo(0.02, 12);
    expect(difference.interval![1]).toBeCloseTo(0.02, 12);
    expect(difference.p).toBe(2 / 2 ** 10);
  });

  it("corrects over the methods, and puts the baseline first", () => {
    const means = { a: 0.7, base: 0.7, b: 0.73, c: 0.7 };
    const comparison = compare(
      drawnRows({ means, tasks: ["x", "y"], seeds: 6, spread: 0.01, seed: 2 }),
      { baseline: "base" },
    );
    expect(comparison.methods.map(({ method }) => method)).toEqual(["base", "a", "b", "c"]);
    const best = of(comparison, "b").difference!;
    expect(best.adjustedP).toBeCloseTo(3 * best.p, 12);
    expect(best.smallestP).toBe(3 * 2 / 2 ** 12);
  });

  it("leaves out runs without a partner or a score, and counts them", () => {
    const rows = [0, 1, 2, 3].flatMap((seed) => [
      row("lora", "rte", seed, 0.5),
      row("dora", "rte", seed, seed === 1 ? undefined : seed === 2 ? NaN : 0.6),
    ]);
    const { runs, failures, difference } = of(
      compare([...rows, row("dora", "rte", 9, 0.9)], { baseline: "lora" }),
      "dora",
    );
    expect({ runs, failures }).toEqual({ runs: 3, failures: 2 });
    expect(difference).toMatchObject({ pairs: 2, leftOut: 3 });
    expect(difference!.mean).toBeCloseTo(0.1, 12);
  });

  it("says where pairs are too few for a test, with Holm's correction in mind", () => {
    const tooFew = (seeds: number, methods: number) => {
      const means = Object.fromEntries(["base", ..."abcdef".slice(0, methods)].map((name, i) => [name, 0.5 + i / 10]));
      const rows = drawnRows({ means, tasks: ["x"], seeds, spread: 0.01, seed: 3 });
      return compare(rows, { baseline: "base", resamples: 100 }).methods.slice(1).map(({ difference }) =>
        difference!.tooFew
      );
    };
    expect(tooFew(5, 1)).toEqual([true]); // 2/32
    expect(tooFew(6, 1)).toEqual([false]); // 2/64
    expect(tooFew(6, 2)).toEqual([true, true]); // 4/64
    expect(tooFew(7, 2)).toEqual([false, false]);
  });

  it("has no difference where no pair is shared, and no interval where a task has a single pair", () => {
    const rows = [row("a", "x", 0, 0.5), row("a", "y", 0, 0.5), row("b", "x", 1, 0.5), row("c", "x", 0, 0.6)];
    const comparison = compare(rows, { baseline: "a" });
    expect(of(comparison, "b").difference).toBeUndefined();
    expect(of(comparison, "c").difference).toMatchObject({ interval: undefined, pairs: 1, p: 1, tooFew: true });
    expect(of(comparison, "c").deviation).toBeUndefined();
  });

  it("gives the same numbers for the same seed, and others for another", () => {
    const rows = drawnRows({ means: { a: 0.7, b: 0.72 }, tasks: ["x", "y"], seeds: 25, spread: 0.05, seed: 1 });
    const options = { baseline: "a", resamples: 300 }; // signs of 50 pairs are drawn
    expect(compare(rows, options)).toEqual(compare(rows, options));
    expect(compare(rows, { ...options, seed: 1 })).not.toEqual(compare(rows, options));
  });

  it("refuses a baseline without runs, two runs of a task and seed, and a level or a margin that is none", () => {
    const rows = [row("a", "x", 0, 0.5), row("b", "x", 0, 0.5)];
    expect(() => compare(rows, { baseline: "lora" })).toThrow(
      "Cannot compare with lora as it has no run: there are a, b",
    );
    expect(() => compare([...rows, rows[1]], { baseline: "a" })).toThrow(/two of them are of x, seed 0/);
    expect(() => compare(rows, { baseline: "a", level: 5 })).toThrow(/level must lie between 0 and 0.5: 5/);
    expect(() => compare(rows, { baseline: "a", margin: 0 })).toThrow(/margin must be above 0: 0/);
  });
});
