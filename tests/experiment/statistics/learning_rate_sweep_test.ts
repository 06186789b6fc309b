import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { equalParameters, learningRateSweep, type SweepRun } from "../../../lib/experiment/mod.ts";

/** Runs of one method: scores by rate, of each task and seed. */
function sweep(method: string, scores: Readonly<Record<string, readonly (number | undefined)[]>>): SweepRun[] {
  const cells = [{ task: "rte", seed: 100 }, { task: "cola", seed: 100 }];
  return Object.entries(scores).flatMap(([rate, values]) =>
    values.map((score, i) => ({ ...cells[i], method, score, learningRate: Number(rate) }))
  );
}
const OPTIONS = { tableSeeds: [0, 1, 2] };

describe("learningRateSweep()", () => {
  it("chooses each method's rate by the mean over tasks", () => {
    const found = learningRateSweep([
      ...sweep("lora", { "0.001": [0.6, 0.6], "0.003": [0.9, 0.5], "0.01": [0.5, 0.6] }),
      ...sweep("full", { "0.00001": [0.6, 0.6], "0.00003": [0.7, 0.7], "0.0001": [0.8, 0.5] }),
    ], OPTIONS);
    expect(found.map(({ method, learningRate, edge, runs }) => ({ method, learningRate, edge, runs }))).toEqual([
      { method: "lora", learningRate: 0.003, edge: undefined, runs: 6 },
      { method: "full", learningRate: 0.00003, edge: undefined, runs: 6 },
    ]);
    expect(found[0].tried.map(({ mean }) => mean)).toEqual([0.6, 0.7, 0.55]);
  });

  it("gives ties to the lower rate, and warns where the best is at an edge", () => {
    const [lora] = learningRateSweep(sweep("lora", { "0.01": [0.6, 0.6], "0.001": [0.6, 0.6] }), OPTIONS);
    expect(lora).toMatchObject({ learningRate: 0.001, edge: "lowest" });
    expect(lora.warning).toBe(
      "lora: its best learning rate, 0.001, is the lowest that was tried; a better one may lie beyond",
    );
    const [high] = learningRateSweep(sweep("lora", { "0.01": [0.7, 0.6], "0.001": [0.6, 0.6] }), OPTIONS);
    expect(high.edge).toBe("highest");
    const [only] = learningRateSweep(sweep("lora", { "0.01": [0.7, 0.6] }), OPTIONS);
    expect(only.edge).toBe("only");
  });

  it("does not choose a rate at which a run failed, and refuses where there is no other", () => {
    const [lora] = learningRateSweep(sweep("lora", { "0.001": [0.5, 0.5], "0.01": [0.9, undefined] }), OPTIONS);
    expect(lora).toMatchObject({ learningRate: 0.001, tried: [{ failures: 0 }, { failures: 1, mean: undefined }] });
    expect(() => learningRateSweep(sweep("lora", { "0.001": [undefined, 0.5], "0.01": [NaN, 0.5] }), OPTIONS))
      .toThrow("Cannot choose a learning rate for lora as a run failed at each: 0.001, 0.01");
  });

  it("refuses seeds of the table, other budgets, other tasks, and rates that were not tried everywhere", () => {
    const lora = sweep("lora", { "0.001": [0.5, 0.5], "0.01": [0.6, 0.6] });
    expect(() => learningRateSweep(lora, { tableSeeds: [0, 100] })).toThrow(/on the seeds of the table .*100/);
    expect(() => learningRateSweep([...lora, ...sweep("full", { "0.001": [0.5, 0.5] })], OPTIONS))
      .toThrow(/same budget: lora had 4 runs, full 2/);
    const elsewhere = lora.map((row) => ({ ...row, method: "full", seed: 101 }));
    expect(() => learningRateSweep([...lora, ...elsewhere], OPTIONS)).toThrow(/same tasks and seeds/);
    expect(() => learningRateSweep(lora.slice(0, 3), OPTIONS)).toThrow(/0\.01 has 1 runs/);
  });
});

describe("equalParameters()", () => {
  it("finds the rank whose count comes closest, the lower of two that are as close", () => {
    const found = equalParameters(1000, {
      narrow: (rank) => 100 * rank,
      wide: (rank) => 400 * rank,
      off: (rank) => rank * 300 + 50,
    });
    expect(found).toEqual([
      { method: "narrow", rank: 10, parameters: 1000, deviation: 0 },
      { method: "wide", rank: 2, parameters: 800, deviation: -0.2 },
      { method: "off", rank: 3, parameters: 950, deviation: -0.05 },
    ]);
  });

  it("gives rank 1 where that is more than the budget, and the highest where none is enough", () => {
    expect(equalParameters(10, { a: (rank) => 100 * rank })[0]).toMatchObject({ rank: 1, deviation: 9 });
    expect(equalParameters(1e6, { a: (rank) => rank }, { maxRank: 64 })[0]).toMatchObject({ rank: 64 });
  });

  it("refuses counts that fall or are no numbers, and a budget of none", () => {
    expect(() => equalParameters(100, { a: (rank) => 50 - rank })).toThrow(/not fall with the rank: 49 at 1, 48 at 2/);
    expect(() => equalParameters(100, { a: () => NaN })).toThrow(/must be whole/);
    expect(() => equalParameters(0, {})).toThrow(/not positive: 0/);
  });
});
