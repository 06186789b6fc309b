import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import {
  canonicalJson,
  compare,
  hashSpec,
  type LayerChange,
  parseSpec,
  type RunRecord,
  type RunSpec,
} from "../../lib/experiment/mod.ts";
import { ALL_METHODS } from "../../experiments/recipes/methods.ts";
import { SCALE } from "../../experiments/recipes/mod.ts";
import { holdPairs } from "../../experiments/studies/ablations/pairs.ts";
import { answerLines, answersOf, expectedSeconds, QUESTIONS } from "../../experiments/studies/ablations/questions.ts";
import { ablationReport } from "../../experiments/studies/ablations/report.ts";
import { sectionOf } from "../../experiments/studies/ablations/section.ts";
import { ABLATION_SIZE, ABLATION_SIZES, SWEEP_SEED } from "../../experiments/studies/ablations/sizes.ts";
import {
  type AblationOptions,
  AblationPlan,
  chooseRates,
  distinctRuns,
  requireFairStudy,
} from "../../experiments/studies/ablations/specs.ts";
import { sizeTable } from "../../experiments/studies/ablations/equal_sizes.ts";
import { isNear } from "../../experiments/studies/ablations/state_size.ts";
import { growingSeeds, seedsFigure } from "../../experiments/studies/ablations/seeds_figure.ts";
import { isNamed, STUDIES, type Study, STUDY_GROUPS } from "../../experiments/studies/ablations/studies/mod.ts";
import { equalRank } from "../../experiments/studies/ablations/studies/targets.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { QUERIES_AND_VALUES } from "../../lib/peft/low_rank_options.ts";
import { failed, filesUnder, finished } from "../experiment/samples.ts";
import { drawnRows, normals } from "../experiment/samples_of_scores.ts";
import { testFolder } from "../support/folder.ts";
import { rowsOf, valuesOf } from "./records.ts";
import { runTask, type TaskResult } from "./run_task.ts";

const inputs = new Inputs();
const study = (name: string): Study => STUDIES.find((one) => one.name === name)!;

/** Tasks with one recipe, of a study with tasks of its own, too. */
const SUITE_TASKS = { tasks: ABLATION_SIZE.default.tasks };

function planOf(studies: readonly Study[], options: Partial<AblationOptions> = {}): AblationPlan {
  const size = { ...ABLATION_SIZE.default, seeds: 3, manySeeds: 8 };
  return new AblationPlan(inputs, studies, { ...size, recipe: SCALE.default, ...options });
}

/** What the command makes of studies whose runs score as told. */
async function reportOf(studies: readonly Study[], recordOf: (spec: RunSpec, noise: number) => RunRecord) {
  const plan = planOf(studies);
  const sweeps = await plan.sweeps();
  const noise = normals(5000, 7);
  const recorded = (specs: readonly RunSpec[]) =>
    specs.map((spec) => {
      // What all methods share on a task and seed, but for a little of their own.
      const shared = noise[[...spec.task].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) + 40 * spec.seed];
      return [spec, recordOf(spec, shared)] as const;
    });
  const first = new Map(recorded(distinctRuns([], sweeps)));
  const chosen = chooseRates(sweeps, { records: first, tableSeeds: [0, 1, 2] });
  const runs = await plan.runs(chosen.best);
  for (const one of runs) requireFairStudy(one, sweeps);
  const evidence = { sweeps, chosen, records: new Map([...first, ...recorded(distinctRuns(runs))]) };
  const sections = runs.map((one) => sectionOf(one, evidence));
  const text = ablationReport(sections, evidence, {
    command: "deno task reproduce ablations",
    comparable: "Not comparable.",
    figureOf: (name) => `${name}.svg`,
  });
  return { sections, evidence, text };
}

const scored = (spec: RunSpec, score: number) => finished(spec, { metrics: { [spec.metric]: score } });

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

describe("the findings of deno task reproduce ablations", () => {
  it("call conditions that score the same but for noise equivalent or undecided, by the rule that they state", async () => {
    const own = normals(5000, 3);
    let next = 0;
    const studies = ["scale", "lambda", "rank"].map(study);
    const { sections, text } = await reportOf(
      studies,
      (spec, noise) => scored(spec, 0.6 + 0.05 * noise + 0.01 * own[next++]),
    );
    for (const { findings, comparison, pairs } of sections) {
      expect(findings).toContain(`Of ${comparison.methods.length - 1} comparisons with ${comparison.baseline}: `);
      expect(findings).toContain(`Of ${pairs.length} further pairs: `);
      expect(findings).not.toMatch(/scored (higher|lower)/);
      expect(findings).toMatch(/quivalent within 2 points|ndecided/);
      expect(findings).toMatch(/the rule finds true differences of \d\.\d … \d\.\d points in 80 % of cases/);
    }
    expect(text.match(/Verdicts by one rule/g)).toHaveLength(1);
    expect(text.match(/^## /gm)).toHaveLength(studies.length + 1);
    expect(text).toMatch(
      /## What keeps differences from spreading[^]*\| pairs: the same first weights, order of examples/,
    );
    expect(text).toContain("![Rank](rank.svg)");
  });

  it("name a condition that is worse on every task and seed, and by how much", async () => {
    const own = normals(5000, 3);
    let next = 0;
    const { sections: [{ findings, figure }] } = await reportOf(
      [study("dropout")],
      (spec, noise) =>
        scored(spec, 0.6 + 0.05 * noise + 0.005 * own[next++] - (spec.method.dropout && spec.seed < 100 ? 0.1 : 0)),
    );
    expect(findings).toMatch(
      /lora dropout 0\.1 scored lower than lora by (9|10)\.\d points \(95 % interval −\d+\.\d … −\d/,
    );
    expect(findings).toMatch(/delta-lora dropout 0\.1 scored lower than delta-lora by (9|10)\.\d points/);
    expect(findings).toMatch(/(Equivalent within 2 points|Undecided): delta-lora against lora \(/);
    expect(figure).toMatch(/^<svg /);
  });

  it("choose each method's rate on seeds of their own, and run its conditions at it", async () => {
    const best: Record<string, number> = { lora: 0.01, "delta-lora": 0.002 };
    const { sections: [{ studyRuns, tables, findings }], evidence, text } = await reportOf(
      [study("start_step")],
      (spec) => scored(spec, spec.optimizer.learningRate === best[spec.method.name] ? 0.7 : 0.6),
    );
    expect(evidence.chosen.best.map(({ method, learningRate }) => [method, learningRate])).toEqual(
      Object.entries(best),
    );
    for (const { condition, specs } of studyRuns.runs) {
      for (const { optimizer, seed } of specs) {
        expect(optimizer.learningRate).toBe(best[condition.method]);
        expect(seed).toBeLessThan(SWEEP_SEED);
      }
    }
    expect(tables[0]).toContain("dev split; last checkpoint; seeds 0, 1, 2");
    expect(findings).toContain(
      "delta-lora: its best learning rate, 0.002, is the lowest that was tried; a better one may lie beyond.",
    );
    expect(findings).not.toContain("lora: its best learning rate, 0.01");
    expect(text).toContain(findings);
    expect(text).toContain("Learning rates: chosen on seeds 100, 101, of 0.4, 1, 2, 4 times the recipe's");
  });

  it("tell how far W turned, how that compares, and in how many directions it changed", async () => {
    // Degrees that W turns, and what its change is made of: as many equal values.
    const turned: Record<string, readonly [degrees: number, values: number]> = {
      lora: [1, 8],
      "lora-scaled": [1.5, 8],
      "delta-lora": [2, 16],
      full: [4, 64],
    };
    const changeOf = ({ method }: RunSpec): LayerChange => {
      const [degrees, count] = turned[method.name];
      return {
        shape: [64, 64],
        values: Array.from({ length: 64 }, (_, i) => i < count ? 0.1 : 0),
        cosine: Math.cos(degrees * Math.PI / 180),
        norm: 5,
        size: 2,
      };
    };
    const { sections: [{ tables, findings, figure }] } = await reportOf(
      [study("paper-cosines")],
      (spec, noise) =>
        finished(spec, {
          metrics: { [spec.metric]: 0.6 + 0.01 * noise },
          changes: Object.fromEntries(
            [0, 1].flatMap((layer) =>
              ["query", "value"].map((name) => [`bert.encoder.layer.${layer}.attention.self.${name}`, changeOf(spec)])
            ),
          ),
        }),
    );
    expect(findings).toContain(
      "Angle by which queries and values turned, as a multiple of lora's, with its interval: 4.00 (4.00 … 4.00) with full, 2.00 (2.00 … 2.00) with " +
        "delta-lora K = −1",
    );
    expect(findings).toContain(
      "Effective rank of their change, as a multiple of lora's, with its interval: 8.00 (8.00 … 8.00)",
    );
    const all = tables.join("\n");
    expect(all).toMatch(/\| delta-lora +\| +0\.9994 \| +2\.0 \| +8\.0 \| +16 \| +16\.0 \| +100\.0 \|/);
    expect(all).toMatch(/\| full +\| +0\.9976 \| +4\.0 \| +16\.0 \| +64 \| +64\.0 \| +25\.0 \|/);
    expect(all).toMatch(/\| cosine of W₀ and W_T +\| +0 query \| +0 value \| +1 query \| +1 value \|/);
    expect(all).toMatch(/\| method +\| +cola \| +rte \| +sst2 \| average \|/);
    expect(figure).toContain("cosine of W₀ and W_T");
  });

  it("say of all runs what they ran with, and whether rates were chosen task by task", async () => {
    const headOf = async (...names: readonly string[]) => {
      const { text } = await reportOf(names.map(study), (spec) => scored(spec, 0.5));
      return text.slice(0, text.indexOf("## "));
    };
    const [usual, probe, both] = [await headOf("dropout"), await headOf("recall"), await headOf("dropout", "recall")];
    expect(usual).toContain(" steps of 16 examples.");
    expect(usual).toContain(
      " times the recipe's, by the mean over tasks, with as many runs for each: lora; delta-lora.",
    );
    expect(probe).toContain(
      " times the recipe's, on each task by itself, with as many runs for each there: lora on recall;",
    );
    expect(both).toMatch(/ steps of (16, 64|64, 16) examples\./);
    expect(both).toContain(", by the mean over tasks, or on each task by itself where it is named, with as many runs");
  });

  it("say how the rank of the change and scores go together, task by task", async () => {
    // Conditions in the order of their ranks score higher on rte, and lower on cola.
    const names = new Map<string, number>();
    const placeOf = ({ method }: RunSpec) => {
      const key = canonicalJson(method);
      names.set(key, names.get(key) ?? names.size + 1);
      return names.get(key)!;
    };
    const { size: _, ...ranks } = study("rank-of-change");
    const { sections: [{ tables, findings, figure }] } = await reportOf([ranks], (spec) => {
      const place = placeOf(spec);
      return finished(spec, {
        metrics: { [spec.metric]: spec.task === "cola" ? 0.7 - place / 100 : 0.5 + place / 100 },
        changes: {
          "bert.encoder.layer.0.attention.self.query": {
            shape: [64, 64],
            values: Array.from({ length: 64 }, (_, i) => i < place ? 1 : 0),
            cosine: 0.9,
            norm: 9,
            size: 2,
          },
        },
      });
    });
    expect(findings).toContain("with the mean score: −1.00 on cola, +1.00 on rte, +1.00 on sst2.");
    // Where tasks are of other kinds, what holds on all of them together says nothing.
    expect(findings).toMatch(
      /^Differences are over 3 tasks and 3 seeds, .*? \*\*On cola\*\*: Of \d+ comparisons with lora/,
    );
    for (const task of ["rte", "sst2"]) expect(findings).toContain(` **On ${task}**: Of `);
    expect(findings).toContain(
      "The best rate was the lowest that was tried, and a better one may lie beyond, for lora on cola",
    );
    expect(tables.join()).toMatch(/\| lora +\| +0\.9000 \| +25\.8 \| +\d+\.\d \| +8 \|/);
    expect(figure).toContain("effective rank of the change");
  });

  it("answer each question by the verdict of its study, and say what those would take that did not run", async () => {
    const own = normals(5000, 3);
    let next = 0;
    const { sections, evidence } = await reportOf(
      [study("scale")],
      (spec, noise) => scored(spec, 0.6 + 0.05 * noise + 0.01 * own[next++]),
    );
    const records = [...evidence.records.values()];
    const answers = await answersOf(sections, { plan: planOf([study("scale")]), records });
    expect(answers.map(({ text }) => text)).toEqual(QUESTIONS.map(({ text }) => text));
    for (const { study: name, method, against, answer } of answers) {
      if (name === "scale") {
        expect(answer).toMatch(
          new RegExp(`^${RegExp.escape(method)} (and|against) ${RegExp.escape(against)} (is|are) `),
        );
        expect(sections[0].findings + answer).toContain("95 % interval");
      } else expect(answer).toMatch(/^Not asked here: the study recall takes \d+ runs, about \d/);
    }
    expect(answers.filter((one) => one.study === "scale")).toHaveLength(3);
    expect(await answersOf([], { plan: planOf([]), records })).toEqual([]);
    // Random pairs are of their own task.
    const elsewhere = planOf([study("scale")], { asked: { tasks: ["cola"] } });
    const left = await answersOf(sections, { plan: elsewhere, records });
    expect(left.map(({ study }) => study)).toEqual(["scale", "scale", "scale"]);
    const pairsElsewhere = sections.map((one) => (
      { ...one, studyRuns: { ...one.studyRuns, study: study("recall") } }
    ));
    expect(await answersOf(pairsElsewhere, { plan: elsewhere, records })).toEqual([]);
    expect(answerLines(answers)[0]).toMatch(/^- \*\*Does Delta-LoRA do better than LoRA\?\*\* delta-lora /);
    // Twice the steps take twice as long, and a method that did not run as long as the slowest that did.
    const [spec] = evidence.records.keys();
    const seconds = expectedSeconds([spec], records);
    expect(expectedSeconds([{ ...spec, steps: 2 * spec.steps }], records)).toBeCloseTo(2 * seconds, 9);
    expect(expectedSeconds([{ ...spec, method: { name: "other" } }], records)).toBeGreaterThanOrEqual(seconds);
  });

  it("correct pairs as one family, by Holm's method over all of them", () => {
    const means = { a: 0.5, b: 0.55, c: 0.5, d: 0.53 };
    const rows = drawnRows({ means, tasks: ["rte", "cola"], seeds: 5, spread: 0.01, seed: 4 });
    const pairs = [["b", "a"], ["d", "c"], ["c", "a"]] as const;
    const held = holdPairs(rows, { pairs });
    const alone = pairs.map(([method, baseline]) =>
      compare(rows, { baseline }).methods.find((one) => one.method === method)!
    );
    expect(held.map(({ difference }) => difference!.mean)).toEqual(alone.map(({ difference }) => difference!.mean));
    expect(held.map(({ difference }) => difference!.interval)).toEqual(
      alone.map(({ difference }) => difference!.interval),
    );
    const p = alone.map(({ difference }) => difference!.p);
    // The smallest of three counts three times, the next twice, and none less than one before it.
    const order = [0, 1, 2].sort((a, b) => p[a] - p[b]);
    let least = 0;
    order.forEach((at, i) => {
      least = Math.max(least, Math.min(1, (3 - i) * p[at]));
      expect(held[at].difference!.adjustedP).toBeCloseTo(least, 12);
    });
    expect(held[0].difference!.smallestP).toBeCloseTo(3 * 2 / 2 ** 10, 12);
  });

  it("end their growing seeds where the comparison over all of them is", () => {
    const rows = drawnRows({ means: { a: 0.5, b: 0.52 }, tasks: ["rte", "cola"], seeds: 6, spread: 0.02, seed: 5 });
    const points = growingSeeds(rows, { method: "b", baseline: "a" });
    const { difference } = compare(rows, { baseline: "a" }).methods[1];
    expect(points.map(({ seeds }) => seeds)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(points[0].interval).toBeUndefined();
    expect(points[5]).toEqual({ seeds: 6, mean: difference!.mean, interval: difference!.interval });
    expect(seedsFigure(rows, { method: "b", baseline: "a" })).toContain("b minus a, seed by seed");
  });

  it("leave failures out, and say so", async () => {
    const { sections: [{ findings }], text, evidence } = await reportOf(
      [study("dropout")],
      (spec) =>
        spec.method.name === "delta-lora" && (spec.seed === 0 || spec.seed >= SWEEP_SEED)
          ? failed(spec)
          : scored(spec, 0.5),
    );
    expect(evidence.chosen.failed).toEqual(["delta-lora"]);
    expect(findings).toContain(
      "Runs without a score are left out, which may flatter their method: delta-lora 3 of 9, delta-lora dropout 0.1 3 of 9.",
    );
    expect(text).toContain("## Failed runs");
  });
});

describe("deno task reproduce ablations", () => {
  const ARGS = [
    "ablations",
    "--only",
    "dropout,seeds",
    "--tasks",
    "cola",
    "--seeds",
    "2",
    "--many-seeds",
    "3",
    "--sweep-seeds",
    "1",
  ];
  const SHORT = [...ARGS, "--steps", "4"];
  const folder = testFolder();
  let first: TaskResult;
  beforeAll(async () => {
    first = await runTask("reproduce", [...SHORT, "--out", `${folder}/a`, "--parquet"]);
  });

  it("runs the sweep and two studies, and writes their tables, figures and findings", async () => {
    expect(first.code).toBe(0);
    // 4 rates × 2 methods; 4 conditions × 2 seeds, of which the study of seeds has 2 more.
    expect(first.stdout).toContain("runs: 18 = 8 to choose learning rates, 10 of 2 studies; 0 of them recorded");
    const runs = await rowsOf(`${folder}/a/runs.arrow`);
    expect(runs.map(({ status }) => status)).toEqual(new Array(18).fill("finished"));
    const specs: unknown[] = JSON.parse(await Deno.readTextFile(`${folder}/a/specs.json`));
    const hashes = await Promise.all(specs.map((spec) => hashSpec(parseSpec(spec))));
    expect(runs.map(({ hash }) => hash)).toEqual(hashes);
    const files = ["ablations.md", "dropout.svg", "seeds.svg", "runs.parquet", "curves.parquet", "curves.arrow"];
    expect(filesUnder(`${folder}/a`)).toEqual(expect.arrayContaining(files));
    const report = await Deno.readTextFile(`${folder}/a/ablations.md`);
    for (
      const part of ["## Dropout in the branch", "![Seeds: how many", "**Findings.**", "dev split; last checkpoint"]
    ) {
      expect(report).toContain(part);
    }
    for (const name of ["dropout", "seeds"]) {
      expect(await Deno.readTextFile(`${folder}/a/${name}.svg`)).toMatch(/^<svg [^]*<\/svg>\n$/);
    }
  });

  it("runs nothing that is recorded, goes on with what is missing, and ends with the same values and report", async () => {
    const before = await valuesOf(`${folder}/a`);
    const report = await Deno.readTextFile(`${folder}/a/ablations.md`);
    const again = await runTask("reproduce", [...SHORT, "--out", `${folder}/a`, "--parquet"]);
    expect([again.code, again.stderr]).toEqual([0, ""]);
    expect(again.stdout).toContain("18 of them recorded");
    expect(again.stdout).toContain("nothing is left to run");
    expect(await Deno.readTextFile(`${folder}/a/ablations.md`)).toBe(report);

    const [{ hash: swept }] = await rowsOf(`${folder}/a/runs.arrow`);
    await Deno.remove(`${folder}/a/runs/${swept}.arrow`);
    const third = await runTask("reproduce", [...SHORT, "--out", `${folder}/a`, "--json", "--parquet"]);
    expect(third.code).toBe(0);
    expect(third.stderr.match(/^\[\d+\/8\] .*: Matthews/gm)).toHaveLength(1);
    expect(await valuesOf(`${folder}/a`)).toEqual(before);
    const { experiment, failed, runs, studies, rates } = JSON.parse(third.stdout);
    expect([experiment, failed, runs.length, rates.length]).toEqual(["ablations", 0, 18, 2]);
    expect(studies.map(({ name }: { name: string }) => name)).toEqual(["dropout", "seeds"]);
    expect(report).toContain(studies[0].findings);
  });

  it("says with --dry-run what each study would run, and writes nothing", async () => {
    const { code, stdout } = await runTask("reproduce", [...SHORT, "--out", `${folder}/dry`, "--dry-run"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\| seeds +\| +2 \| +6 \| +2 \|/);
    // Rates are chosen first: the sweep's runs share no program with the studies', which are not known before.
    const told = stdout.slice(stdout.indexOf("programs: 18 runs"));
    expect(told.match(/^ {2}[a-z-]+ on cola: \d cells/gm)?.map((line) => line.trim())).toEqual(
      [4, 3, 2].flatMap((cells) => ["lora", "delta-lora"].map((method) => `${method} on cola: ${cells} cells`)),
    );
    expect(filesUnder(folder).filter((name) => name.startsWith("dry"))).toEqual([]);
  });

  it("names the nearest study where one is unknown", async () => {
    const { code, stderr } = await runTask("reproduce", ["ablations", "--only", "lamda"]);
    expect(code).toBe(1);
    expect(stderr).toContain('unknown study "lamda": did you mean "lambda"?');
  });
});
