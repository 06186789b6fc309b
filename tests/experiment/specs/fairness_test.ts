import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { fairness, requireFair, type RunSpec, scoredRuns, settingOf } from "../../../lib/experiment/mod.ts";
import { failed, finished, sampleSpec } from "../samples.ts";

/** Specs of two methods over two tasks and two seeds, those of the second changed. */
function specs(change: (spec: RunSpec) => Partial<RunSpec> = () => ({})): RunSpec[] {
  return ["lora", "full"].flatMap((name) =>
    ["cola", "rte"].flatMap((task) =>
      [0, 1].map((seed) => {
        const spec = sampleSpec({ task, seed, method: { name, ...name === "lora" ? { rank: 8 } : {} } });
        return name === "full" ? { ...spec, ...change(spec) } : spec;
      })
    )
  );
}

const places = (found: ReturnType<typeof fairness>) => found.map(({ place }) => place);

describe("fairness()", () => {
  it("finds nothing where methods differ in themselves and their learning rate alone", () => {
    const fair = specs(({ optimizer }) => ({ optimizer: { ...optimizer, learningRate: 1e-5 } }));
    expect(fairness(fair)).toEqual([]);
    requireFair(fair);
  });

  it("names each place that is not shared once, with both values", () => {
    expect(fairness(specs(() => ({ steps: 8 })))).toEqual([
      { place: "steps", reason: "steps is 4 for lora, 8 for full on cola, seed 0" },
    ]);
    expect(places(fairness(specs(() => ({ batchSize: 32 }))))).toEqual(["batchSize"]);
    expect(places(fairness(specs(({ data }) => ({ data: { ...data, hash: "f".repeat(64) } }))))).toEqual(["data.hash"]);
    expect(places(fairness(specs(({ model }) => ({ model: { ...model, hash: "f".repeat(64) } }))))).toEqual([
      "model.hash",
    ]);
    expect(places(fairness(specs(({ optimizer }) => ({ optimizer: { ...optimizer, warmup: 2, weightDecay: 0 } })))))
      .toEqual(["optimizer.weightDecay", "optimizer.warmup"]);
    expect(fairness(specs(({ optimizer }) => ({ optimizer: { ...optimizer, momentum: 0.9 } })))[0].reason)
      .toBe("optimizer.momentum is absent for lora, 0.9 for full on cola, seed 0");
  });

  it("lets methods differ where it is told to", () => {
    const changed = specs(({ optimizer }) => ({ optimizer: { ...optimizer, weightDecay: 0 } }));
    expect(fairness(changed, { mayDiffer: ["optimizer.weightDecay"] })).toEqual([]);
  });

  it("finds missing tasks and seeds on either side", () => {
    const all = specs();
    const [first] = fairness(all.slice(0, -1));
    expect(first).toEqual({ place: "tasks and seeds", reason: "full has no run of rte, seed 1: lora has" });
    expect(fairness(all.slice(1))[0].reason).toBe("lora has no run of cola, seed 0: full has");
  });

  it("finds runs that differ in an option under one name, until they are named", () => {
    const both = specs().map((spec, i) => i >= 4 ? { ...spec, method: { name: "lora", rank: 4 } } : spec);
    expect(fairness(both)[0].reason).toBe("lora has two runs of cola, seed 0: give them names of their own");
    expect(fairness(both, { method: ({ method }) => `lora, rank ${method.rank}` })).toEqual([]);
  });

  it("finds sweeps of other budgets or on seeds of the table", () => {
    const sweep = specs().map((spec) => ({ ...spec, seed: spec.seed + 100 }));
    expect(fairness(specs(), { sweep })).toEqual([]);
    expect(fairness(specs(), { sweep: sweep.slice(1) })).toEqual([
      { place: "sweep budget", reason: "3 runs chose the learning rate of lora, 4 that of full" },
    ]);
    expect(fairness(specs(), { sweep: specs() })[0].reason).toBe(
      "learning rates were chosen on seeds of the table: 0, 1",
    );
  });

  it("finds scores of the test split", () => {
    const touched = specs(() => ({ split: "test" as unknown as "dev" }));
    expect(fairness(touched)[0]).toEqual({
      place: "split",
      reason: "full is scored on test, not dev, on cola, seed 0",
    });
  });

  it("requireFair() throws with the first place and how many more there are", () => {
    expect(() => requireFair(specs(() => ({ steps: 8, batchSize: 32 })))).toThrow(
      "Cannot compare these methods as steps is 4 for lora, 8 for full on cola, seed 0 (and 1 more)",
    );
  });
});

describe("scoredRuns()", () => {
  it("takes score, task, seed and method of records, and leaves failed runs without a score", () => {
    const spec = sampleSpec({ task: "rte", metric: "accuracy", seed: 3 });
    const seconds = 1.25 / 2 / 3; // of six runs at once
    expect(scoredRuns([finished(spec), failed(spec)])).toEqual([
      { task: "rte", seed: 3, method: "lora", score: 2 / 3, seconds },
      { task: "rte", seed: 3, method: "lora", score: undefined },
    ]);
  });

  it("names runs by their options and adds columns", () => {
    const [row] = scoredRuns([finished(sampleSpec())], {
      method: ({ method }) => `${method.name} ${method.rank}`,
      axes: ({ method, optimizer }) => ({ rank: Number(method.rank), learningRate: optimizer.learningRate }),
    });
    expect(row).toMatchObject({ task: "cola", seed: 0, method: "lora 8", score: 0.5, rank: 8, learningRate: 1e-3 });
  });
});

describe("settingOf()", () => {
  it("says metric, split and checkpoint, metrics by task where they differ", () => {
    const cola = sampleSpec();
    expect(settingOf([cola, cola])).toEqual({ metric: "matthewsCorrelation", split: "dev", checkpoint: "last" });
    expect(settingOf([cola, sampleSpec({ task: "rte", metric: "accuracy" })]).metric)
      .toBe("cola matthewsCorrelation, rte accuracy");
  });
});
