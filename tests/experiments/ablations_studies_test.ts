import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { canonicalJson, hashSpec, type RunSpec } from "../../lib/experiment/mod.ts";
import { ALL_METHODS } from "../../experiments/recipes/methods.ts";
import { ABLATION_SIZE, ABLATION_SIZES, SWEEP_SEED } from "../../experiments/studies/ablations/sizes.ts";
import { chooseRates, distinctRuns, requireFairStudy } from "../../experiments/studies/ablations/specs.ts";
import { sizeTable } from "../../experiments/studies/ablations/equal_sizes.ts";
import { isNear } from "../../experiments/studies/ablations/state_size.ts";
import { isNamed, STUDIES, type Study, STUDY_GROUPS } from "../../experiments/studies/ablations/studies/mod.ts";
import { equalRank } from "../../experiments/studies/ablations/studies/targets.ts";
import { QUERIES_AND_VALUES } from "../../lib/peft/low_rank_options.ts";
import { planOf, scored, study, SUITE_TASKS } from "./ablation_reports.ts";

describe("the studies of deno task reproduce ablations", () => {
  it("have their baseline, and what is held against each other, among their conditions", () => {
    expect(new Set(STUDIES.map(({ name }) => name)).size).toBe(STUDIES.length);
    for (const { baseline, conditions, pairs = [], figure } of STUDIES) {
      const names = conditions.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      for (const name of [baseline, ...pairs.flat()]) expect(names).toContain(name);
      if (figure.kind === "axis") expect(conditions.every(({ at }) => at !== undefined)).toBe(true);
      if (figure.kind === "seeds") expect(names).toContain(figure.method);
    }
  });

  it("have no run twice: conditions that studies share are one run", async () => {
    const plan = planOf(STUDIES);
    const sweeps = await plan.sweeps();
    const specs = distinctRuns(await plan.runs(), sweeps);
    const hashes = await Promise.all(specs.map(hashSpec));
    expect(new Set(hashes).size).toBe(specs.length);
    const all = (await plan.runs()).flatMap(({ runs }) => runs.flatMap((one) => one.specs));
    expect(new Set(all.map(canonicalJson)).size).toBe(specs.length - new Set([...sweeps.values()].flat()).size);
    expect(new Set(all).size).toBeLessThan(all.length);
  });

  it("treat their conditions alike at every scale, with a sweep for each method or for each condition", async () => {
    for (const name of ABLATION_SIZES) {
      for (const sweepsEach of [false, true]) {
        // Seeds beyond two say nothing more here.
        const plan = planOf(STUDIES, { ...ABLATION_SIZE[name], seeds: 2, manySeeds: 2, sweepSeeds: 1, sweepsEach });
        const sweeps = await plan.sweeps();
        const studies = await plan.runs();
        for (const one of studies) requireFairStudy(one, sweeps);
        for (const { seed } of [...sweeps.values()].flat()) expect(seed).toBeGreaterThanOrEqual(SWEEP_SEED);
        const own = STUDIES.filter((one) => !one.sweepsTasks && (sweepsEach || one.sweepsEach))
          .flatMap((one) => one.conditions.filter(({ rate }) => rate === undefined));
        // Studies share the sweeps of methods on their tasks.
        const byTask = new Set(
          studies.filter((one) => one.study.sweepsTasks).flatMap(({ study, runs }) =>
            runs.flatMap(({ condition, specs }) => {
              const swept = sweepsEach ? `${study.name}: ${condition.name}` : condition.method;
              return specs.map(({ task }) => `${swept} on ${task}`);
            })
          ),
        );
        // LoRA's for those that have its rate; else one for each method, and two by SGD, too.
        expect(sweeps.size).toBe(own.length + byTask.size + (sweepsEach ? 1 : ALL_METHODS.length + 2));
      }
    }
  });

  it("choose rates on seeds that no table uses, however many seeds tables have", async () => {
    for (const sizes of [{ seeds: 3, manySeeds: 8 }, { seeds: 2, manySeeds: 103 }, { seeds: 102, manySeeds: 102 }]) {
      const plan = planOf([study("seeds"), study("dropout")], { ...sizes, sweepSeeds: 2 });
      const seedsOf = (specs: readonly RunSpec[]) => new Set(specs.map(({ seed }) => seed));
      const tables = seedsOf(distinctRuns(await plan.runs()));
      const swept = seedsOf(distinctRuns([], await plan.sweeps()));
      expect(swept.size).toBe(2);
      expect(swept.intersection(tables)).toEqual(new Set());
    }
  });

  it("call it unfair where conditions differ in more than their method and rate", async () => {
    const { mayDiffer: _, ...optimizer } = study("optimizer");
    const plan = planOf([optimizer]);
    const [runs] = await plan.runs();
    const sweeps = await plan.sweeps();
    expect(() => requireFairStudy(runs, sweeps)).toThrow('optimizer.name is "adamw" for lora, "sgd" for lora sgd');
  });

  it("say where two conditions are the same in so few steps", async () => {
    const plan = planOf([study("start_step")], { steps: 3 });
    await expect(plan.runs()).rejects.toThrow(
      'Cannot study start_step as "delta-lora K at 10 %" and "delta-lora K at 25 %" are the same in runs of 3 steps',
    );
  });

  it("have another method's rate, or so many times that, where they say so", async () => {
    const plan = planOf([study("paper-rate")]);
    const sweeps = await plan.sweeps();
    expect([...sweeps.keys()]).toEqual(["lora"]);
    const [{ runs }] = await plan.runs([{ method: "lora", learningRate: 0.002, mean: 0.5, tried: [], runs: 8 }]);
    const rates = runs.map(({ condition, specs }) => [condition.name, specs[0].optimizer.learningRate]);
    expect(Object.fromEntries(rates)).toEqual({
      lora: 0.002,
      "delta-lora λ = 0.5, K = −1": 0.002,
      "lora at 1.5α": 0.002,
      "lora at 1.5× the rate": 0.003,
      "delta-lora λ = 2, K = −1": 0.002,
      "lora at 3α": 0.002,
      "lora at 3× the rate": 0.006,
    });
    expect(runs.some(({ isRateBorrowed }) => isRateBorrowed)).toBe(false);
  });

  it("stand at the rank that comes nearest to the baseline's trained parameters, and to its bytes of state", async () => {
    const [{ runs, sizes = [] }] = await planOf([study("rank-of-change")], { asked: SUITE_TASKS }).runs();
    const sizeOf = (name: string) => sizes.find((one) => one.name === name)!;
    // Two layers of 64: queries and values have 4 · 128 parameters a rank, pooler and classifier 65 · 64 + 65 · 2.
    const head = 65 * 64 + 65 * 2;
    const [factors, parameters] = [8 * 4 * 128, 8 * 4 * 128 + head];
    // Two moments of what is trained, and the step's number twice: Adam's, and the schedule's.
    const bytes = 4 * (factors + 2 * parameters + 2);
    expect(sizeOf("lora").parameters).toEqual({ rank: 8, size: { parameters, bytes }, deviation: 0 });
    // Delta-LoRA keeps factors from which on W moves, and how often it was written: 4 · (4 · 512 r + 2 · head + 3) bytes.
    const delta = sizeOf("delta-lora");
    expect([delta.parameters.rank, delta.bytes.rank]).toEqual([8, 6]);
    expect(delta.bytes.size.bytes).toBe(4 * (6 * 4 * 512 + 2 * head + 3));
    expect(sizeOf("full").bytes.rank).toBeUndefined();
    expect([sizeOf("full"), delta].map(({ bytes, parameters }) => [isNear(bytes), isNear(parameters)]))
      .toEqual([[false, false], [true, true]]);

    const ofNamed = (name: string) => runs.find(({ condition }) => condition.name === name)!.specs[0].method;
    expect(ofNamed("delta-lora")).toMatchObject({ rank: 8, alpha: 16 });
    expect(ofNamed("delta-lora (equal bytes)")).toMatchObject({ rank: 6, alpha: 12 });
    const named = runs.filter(({ condition }) => condition.method === "full").map(({ condition }) => condition.name);
    expect(named).toEqual(["full"]);
    const table = sizeTable(sizes, { baseline: "lora" });
    expect(table).toMatch(/\| full +\| all tasks \| +– \| +137,794 \| +\+1543\.1 %: not comparable \|/);
    expect(table).toMatch(/\| delta-lora +\| all tasks \| +8 \| +8,386 \| +\+0\.0 % \| +6 \| +83,484 \| +\+0\.0 % \|/);
  });

  it("choose a rate for each task where tasks are of other kinds", async () => {
    const plan = planOf([study("rank-of-change")], { asked: { tasks: ["cola", "rte"] } });
    const sweeps = await plan.sweeps();
    expect([...sweeps.keys()].slice(0, 2)).toEqual(["lora on cola", "lora on rte"]);
    const best: Record<string, number> = { cola: 0.01, rte: 0.002 };
    const records = new Map(
      [...sweeps.values()].flat().map((spec) => (
        [spec, scored(spec, spec.optimizer.learningRate === best[spec.task] ? 0.7 : 0.6)] as const
      )),
    );
    const { best: rates } = chooseRates(sweeps, { records, tableSeeds: [0] });
    const [{ runs: [{ specs }] }] = await plan.runs(rates);
    for (const { task, optimizer } of specs) expect(optimizer.learningRate).toBe(best[task]);
  });

  it("choose it on as many seeds as the study that asks for the most, of all that is swept on the same task", async () => {
    const studies = [study("recall"), study("rank-of-change")];
    const seedsOf = async (some: readonly Study[]) => {
      const plan = planOf(some);
      const sweeps = await plan.sweeps();
      for (const one of await plan.runs()) requireFairStudy(one, sweeps);
      return new Set(
        [...sweeps].map(([name, specs]) => `${name.split(" on ")[1]} ${new Set(specs.map(({ seed }) => seed)).size}`),
      );
    };
    const both = ["recall 2", "rank-16 1", "cola 1", "sst2 1"];
    expect(await seedsOf(studies)).toEqual(new Set(both));
    expect(await seedsOf(studies.toReversed())).toEqual(new Set(both));
    expect(await seedsOf([study("recall")])).toEqual(new Set(["recall 2"]));
  });

  it("measure the change of queries and values where they tell of it, in runs of their own", async () => {
    const [dropout, paper] = await planOf([study("dropout"), study("paper-dropout")]).runs();
    const named = (runs: typeof paper) => new Set(runs.runs.flatMap(({ specs }) => specs.map((one) => one.changeOf)));
    expect([named(dropout), named(paper)]).toEqual([new Set([undefined]), new Set([QUERIES_AND_VALUES])]);
  });

  it("are asked for by their group's name, too", () => {
    const named = (...names: string[]) => STUDIES.filter((one) => isNamed(one, names)).map(({ name }) => name);
    expect(named("rank", "paper")).toEqual([
      "rank",
      ...["dropout", "start", "lambda", "rate", "cosines"].map((name) => `paper-${name}`),
    ]);
    expect(STUDIES.filter(({ group, isExtra }) => group !== undefined && !isExtra)).toEqual([]);
    for (const group of STUDY_GROUPS) expect(STUDIES.map(({ name }) => name)).not.toContain(group);
  });

  it("adapt all linear layers at the rank whose factors come closest to rank 8 on queries and values", async () => {
    const [{ runs }] = await planOf([study("targets")]).runs();
    const [spec] = runs.find(({ condition }) => condition.name === "lora all at equal size")!.specs;
    // Two layers of 64, 256 within: 2 · (4 · 128 + 2 · 320) parameters a rank against 2 · 2 · 128.
    expect(2 * 2304).toBe(4608);
    expect([equalRank(spec), spec.method.rank, spec.method.alpha]).toEqual([2, 2, 4]);
  });
});
