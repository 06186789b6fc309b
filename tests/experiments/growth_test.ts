import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { growthOf, marginOf } from "../../experiments/cli/grid_options.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { SCALE } from "../../experiments/recipes/mod.ts";
import { widestOf } from "../../experiments/studies/ablations/rows.ts";
import { ABLATION_SIZE } from "../../experiments/studies/ablations/sizes.ts";
import { AblationPlan, distinctRuns, type StudyRuns } from "../../experiments/studies/ablations/specs.ts";
import { STUDIES } from "../../experiments/studies/ablations/studies/mod.ts";
import { pairsPerSeed } from "../../experiments/studies/ablations/swept.ts";
import { grow, type Growth, growthText, recordedSeeds } from "../../experiments/studies/growth.ts";
import { finished } from "../experiment/samples.ts";
import { testFolder } from "../support/folder.ts";
import { rowsOf } from "./records.ts";
import { runTask } from "./run_task.ts";

const GROWTH: Growth = { until: 3, most: 20, tasks: 3 };

/**
 * What came of intervals of these widths in points, by number of seeds, and of a clock that a seed takes a minute of, where so
 * many are recorded.
 */
async function grown(widths: Readonly<Record<number, number>>, options: Partial<Growth> = {}, recorded = 0) {
  const lines: string[] = [];
  let [seconds, done] = [0, recorded];
  const { found, text } = await grow({ ...GROWTH, ...options }, {
    say: (line) => lines.push(line),
    now: () => seconds,
    run: (seeds) => {
      seconds += 60 * Math.max(0, seeds - done);
      done = Math.max(done, seeds);
      return Promise.resolve({ found: seeds, width: widths[seeds] / 100, seconds: 60 * seeds });
    },
  });
  return { found, text, lines };
}

describe("grow()", () => {
  it("adds groups until the widest interval is narrow enough twice, and says how far it went", async () => {
    const { found, text, lines } = await grown({ 3: 9, 5: 2, 8: 4, 12: 3, 18: 2.5 });
    expect(found).toBe(18);
    expect(lines).toEqual(
      [9, 2, 4, 3, 2.5].map((width, i) =>
        `pairs: ${[3, 5, 8, 12, 18][i]} seeds, the widest 95 % interval ${width} points`
      ),
    );
    expect(text).toBe(
      "Pairs are added in groups (3, 5, 8, 12, 18, 20 seeds) from 8 on until every 95 % interval is at most 3 points wide " +
        "at two looks in a row; widths alone decide. They ended at 18 seeds: each at most 3 points wide.",
    );
  });

  it("ends at the most seeds, and where the next group would not end within the budget", async () => {
    const wide = { 3: 9, 5: 9, 8: 9, 12: 9, 18: 9, 20: 9 };
    expect(await grown(wide)).toMatchObject({
      found: 20,
      text: expect.stringContaining("the most that are added (20)"),
    });
    // Twelve seeds took twelve minutes, and six more would take six.
    const short = await grown(wide, { budget: 17 * 60 });
    expect(short.found).toBe(12);
    expect(short.text).toContain("or 17 min 00 s are over");
    expect(short.text).toContain("They ended at 12 seeds: the budget ends before the next group would.");
    expect((await grown(wide, { budget: 18 * 60 })).found).toBe(18);
    expect((await grown(wide, { budget: 1 })).found).toBe(3);
  });

  it("expects of the next group what recorded seeds took, where the budget begins anew", async () => {
    const wide = { 3: 9, 5: 9, 8: 9, 12: 9, 18: 9, 20: 9 };
    // Five seeds are recorded, and three more would take three minutes.
    const [short, enough] = [await grown(wide, { budget: 179 }, 5), await grown(wide, { budget: 180 }, 5)];
    expect([short.found, enough.found]).toEqual([5, 8]);
    expect(short.text).toContain("They ended at 5 seeds: the budget ends before the next group would.");
  });

  it("goes on where recorded looks end, by the same widths", async () => {
    const widths: Record<number, number> = { 3: 0.09, 5: 0.02, 8: 0.02 };
    const seedsOf = (recorded: number) =>
      recordedSeeds(
        GROWTH,
        (seeds) => Promise.resolve(seeds <= recorded ? { found: seeds, width: widths[seeds] } : undefined),
      );
    expect([await seedsOf(0), await seedsOf(3), await seedsOf(5), await seedsOf(8)]).toEqual([3, 5, 8, 8]);
  });

  it("reads flags, and refuses those that do not fit", () => {
    expect(growthOf({ until: 3, budget: "30m" }, { tasks: 3 })).toEqual({ until: 3, tasks: 3, most: 20, budget: 1800 });
    expect(growthOf({ until: 3, budget: "1.5h", seeds: 7 }, { tasks: 1 })).toMatchObject({ most: 7, budget: 5400 });
    expect(growthOf({}, { tasks: 3 })).toBeUndefined();
    expect(marginOf({ margin: 3 })).toBeCloseTo(0.03, 12);
    expect(() => growthOf({ budget: "30m" }, { tasks: 3 })).toThrow("--budget is of --until, which is not there");
    expect(() => growthOf({ until: 3, budget: "30" }, { tasks: 3 })).toThrow('90s, 30m or 2h, not "30"');
    expect(() => growthOf({ until: 3, force: true }, { tasks: 3 })).toThrow("give one of them");
    expect(growthText({ ...GROWTH, until: 1, tasks: 10, most: 2 })).toContain("(2 seeds)");
  });
});

describe("what studies of ablations report", () => {
  const OPTIONS = { ...ABLATION_SIZE.default, recipe: SCALE.default };
  const studiesOf = (...names: readonly string[]) => STUDIES.filter(({ name }) => names.includes(name));

  /** The widest interval where all runs score the same but those of a condition on a task, by 20 points from seed to seed. */
  function widthWith(
    [{ study, runs }]: readonly StudyRuns[],
    apart: { readonly condition: string; readonly on: string },
  ) {
    const records = new Map(runs.flatMap(({ condition: { name }, specs }) =>
      specs.map((spec) => {
        const isApart = name === apart.condition && spec.task === apart.on;
        return [spec, finished(spec, { metrics: { [spec.metric]: isApart && spec.seed % 2 ? 0.7 : 0.5 } })] as const;
      })
    ));
    expect(records.size).toBe(distinctRuns([{ study, runs }]).length);
    return widestOf([{ study, runs }], records);
  }

  it("is as wide as its widest interval: of conditions that equal sizes add, and of each task by itself", async () => {
    const plan = new AblationPlan(new Inputs(), studiesOf("rank-of-change"), {
      ...OPTIONS,
      asked: { tasks: ["cola", "rte"] },
    });
    const studies = await plan.runs([], 4);
    // Four differences of 0 and 20 points in turn: Student's 3.18 · 11.5 / 2 to both sides.
    const whole = 2 * 3.182446 * 0.2 * Math.sqrt(1 / 3) / 2;
    for (const condition of ["full", "delta-lora (equal bytes)"]) {
      const width = widthWith(studies, { condition, on: "rte" });
      expect(width / whole).toBeGreaterThan(0.99);
    }
    expect(widthWith(studies, { condition: "none", on: "rte" })).toBe(0);
  });

  it("has as many pairs a seed as the study with the fewest", () => {
    const pairs = (...names: readonly string[]) => pairsPerSeed(studiesOf(...names), OPTIONS);
    expect([pairs("scale"), pairs("scale", "recall"), pairs("rank-of-change"), pairs("recall")]).toEqual([3, 1, 1, 1]);
    expect(pairsPerSeed(studiesOf("recall"), { ...OPTIONS, asked: { tasks: ["cola", "rte"] } })).toBe(2);
  });
});

describe("deno task reproduce … --until", () => {
  const folder = testFolder();
  const GLUE = ["glue", "--tasks", "rte", "--methods", "lora,lora-scaled", "--steps", "2", "--out", `${folder}/a`];

  it("adds pairs, goes on from what is recorded, and each seed's runs are those of a fixed number", async () => {
    const first = await runTask("reproduce", [...GLUE, "--seeds", "8"]);
    expect(first.code).toBe(0);
    const told = await runTask("reproduce", [...GLUE, "--until", "80", "--margin", "5"]);
    expect([told.code, told.stderr.match(/^\[\d+\/24\] .*: accuracy/gm)?.length]).toEqual([0, 8]); // four seeds more
    expect(told.stdout).toContain("pairs: 8 seeds, the widest 95 % interval ");
    expect(told.stdout).toContain("They ended at 12 seeds: each at most 80 points wide.");
    expect(told.stdout).toMatch(/Verdicts by one rule: .* by less than 5 points/);
    const report = await Deno.readTextFile(`${folder}/a/report.md`);
    expect(report).toContain("## Verdicts");

    const again = await runTask("reproduce", [...GLUE, "--until", "80", "--margin", "5"]);
    expect(again.stdout).toContain("nothing is left to run");
    expect(await Deno.readTextFile(`${folder}/a/report.md`)).toBe(report);
    const fixed = await runTask("reproduce", [...GLUE, "--seeds", "12"]);
    expect(fixed.stdout).toContain("nothing is left to run");
    expect(await rowsOf(`${folder}/a/runs.arrow`)).toHaveLength(24);
  });

  it("does so for all that studies compare, at the rates of one sweep", async () => {
    const args = ["ablations", "--only", "dropout", "--tasks", "cola", "--steps", "2", "--sweep-seeds", "1"];
    const { code, stdout } = await runTask("reproduce", [
      ...args,
      ...["--until", "500", "--seeds", "9", "--out", `${folder}/b`, "--json"],
    ]);
    expect(code).toBe(0);
    const { pairs, studies: [{ comparison }] } = JSON.parse(stdout);
    expect(pairs).toContain("Pairs are added in groups (8, 9 seeds)");
    expect(pairs).toContain("They ended at 9 seeds");
    expect(comparison.seeds).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await Deno.readTextFile(`${folder}/b/ablations.md`)).toContain(pairs);
  });

  it("refuses what cannot be compared or repeated", async () => {
    const one = await runTask("reproduce", ["glue", "--methods", "lora", "--until", "3", "--out", `${folder}/c`]);
    expect([one.code, one.stderr]).toEqual([1, expect.stringContaining("name two methods at least")]);
    const forced = await runTask("reproduce", ["glue", "--until", "3", "--force", "--out", `${folder}/c`]);
    expect(forced.stderr).toContain("--until goes on from what is recorded");
    const fixed = await runTask("reproduce", [
      "ablations",
      "--until",
      "3",
      "--many-seeds",
      "9",
      "--out",
      `${folder}/c`,
    ]);
    expect([fixed.code, fixed.stderr]).toEqual([1, expect.stringContaining("--many-seeds fixes those of one")]);
  });
});
