import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { canonicalJson, compare, type LayerChange, type RunSpec } from "../../lib/experiment/mod.ts";
import { holdPairs } from "../../experiments/studies/ablations/pairs.ts";
import { answerLines, answersOf, expectedSeconds, QUESTIONS } from "../../experiments/studies/ablations/questions.ts";
import { SWEEP_SEED } from "../../experiments/studies/ablations/sizes.ts";
import { growingSeeds, seedsFigure } from "../../experiments/studies/ablations/seeds_figure.ts";
import { failed, finished } from "../experiment/samples.ts";
import { drawnRows, normals } from "../experiment/samples_of_scores.ts";
import { planOf, reportOf, scored, study } from "./ablation_reports.ts";

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

  it("name every model and split of the runs, and of how many runs at once their memory is", async () => {
    const { text, sections: [{ tables }] } = await reportOf([study("dropout")], (spec) => {
      const model = { ...spec.model, name: spec.task === "rte" ? "another" : "one", hash: "f".repeat(64) };
      const split = spec.task === "rte" ? "none" : "dev";
      return finished({ ...spec, model, split }, { metrics: { [spec.metric]: 0.5 }, cells: spec.seed === 1 ? 4 : 2 });
    });
    expect(text).toMatch(/- Split: (dev, none|none, dev)\. /);
    expect(text).toMatch(/- Model: .*\bone, \d+ layers of \d+, weights f{12}/);
    expect(text).toMatch(/- Model: .*\banother, \d+ layers of \d+, weights f{12}/);
    expect(tables.at(-1)).toContain("| peak MB of a program of up to 4 runs |");
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
    expect(findings).toContain(
      "Verdicts of these findings are by task: comparisons with lora on one task are a family of their own, further pairs " +
        "on it another, over which Holm's correction is, and nothing corrects over tasks.",
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
