import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import {
  compare,
  comparisonTable,
  type Difference,
  findings,
  type ScoredRun,
  verdictOf,
} from "../../../lib/experiment/mod.ts";
import { drawnRows } from "../samples_of_scores.ts";

const SETTING = { metric: "accuracy", split: "dev", checkpoint: "last" };
const TASKS = ["cola", "rte", "sst2"];

/** The verdict of two methods with these means. */
function verdict(means: Readonly<Record<string, number>>, seed: number, seeds = 4) {
  const rows = drawnRows({ means, tasks: TASKS, seeds, spread: 0.01, seed });
  const { methods, level, margin } = compare(rows, { baseline: "lora", findsPower: false });
  return verdictOf(methods[1].difference, { level, margin }).kind;
}

describe("findings()", () => {
  it("calls methods that are the same under two names equivalent, with intervals and pairs", () => {
    const scores = drawnRows({ means: { lora: 0.7 }, tasks: TASKS, seeds: 4, spread: 0.01, seed: 5 });
    const rows = scores.flatMap((row) => [row, { ...row, method: "twin" }]);
    expect(findings(compare(rows, { baseline: "lora" }))).toBe(
      "Against lora, over 3 tasks and 4 seeds: twin and lora are equivalent within 2 points (mean difference +0.0 points, " +
        "95 % interval +0.0 … +0.0, 90 % interval +0.0 … +0.0, 12 pairs, Holm's p = 1).",
    );
  });

  it("names a difference between methods of one distribution no more often than its level", () => {
    const repetitions = 200;
    let found = 0;
    for (let seed = 0; seed < repetitions; seed++) {
      if (["higher", "lower"].includes(verdict({ lora: 0.7, twin: 0.7 }, seed))) found++;
    }
    // Two and a half standard errors of a share of 0.05 in 200.
    expect(found / repetitions).toBeLessThanOrEqual(0.05 + 2.5 * Math.sqrt(0.05 * 0.95 / repetitions));
  });

  it("finds a planted difference of three times the spread, and which way it goes", () => {
    for (let seed = 0; seed < 20; seed++) {
      expect(verdict({ lora: 0.7, better: 0.73 }, seed, 6)).toBe("higher");
      expect(verdict({ lora: 0.7, worse: 0.67 }, seed, 6)).toBe("lower");
    }
  });

  it("tells how much higher or lower a method scored, from the table's numbers", () => {
    const means = { lora: 0.7, "delta-lora": 0.73, full: 0.66 };
    const comparison = compare(drawnRows({ means, tasks: TASKS, seeds: 4, spread: 0.01, seed: 8 }), {
      baseline: "lora",
    });
    const text = findings(comparison);
    const table = comparisonTable(comparison, SETTING);
    expect(text).toMatch(
      /delta-lora scored higher than lora by \d\.\d points \(95 % interval \+\d\.\d … \+\d\.\d, 12 pairs, Holm's p < 0\.001\)/,
    );
    expect(text).toMatch(/full scored lower than lora by \d\.\d points \(95 % interval −\d\.\d … −\d\.\d, 12 pairs/);
    const [, higher] = text.match(/higher than lora by (\S+)/)!;
    expect(table).toContain(`+${higher} |`);
    expect(text).toMatch(/the rule finds true differences of \d\.\d( … \d\.\d)? points in 80 % of cases/);
    expect(table).toMatch(/\| higher +\|/);
    expect(table).toContain("equivalent within 2 points where the 90 % interval lies there (two one-sided tests)");
  });

  it("says where pairs are too few to reach the level, however far apart the scores", () => {
    const rows = drawnRows({ means: { lora: 0.7, full: 0.9 }, tasks: ["rte"], seeds: 4, spread: 0.01, seed: 3 });
    const comparison = compare(rows, { baseline: "lora" });
    const text = findings(comparison);
    expect(text).toMatch(
      /full against lora is undecided \(mean difference \+\d+\.\d points, 95 % interval .*, 4 pairs\): 4 pairs cannot reach the level 0\.05, as 6 can\./,
    );
    expect(text).not.toMatch(/scored|p =|80 %/);
    const table = comparisonTable(comparison, SETTING);
    expect(table).toContain("Too few pairs to reach the level 0.05, however far apart: full.");
    expect(table).toContain("undecided: too few pairs");
    expect(table).not.toContain("paired sign-flip");
  });

  it("says what an undecided difference needs, in pairs and in time", () => {
    const rows = drawnRows({ means: { lora: 0.7, full: 0.705 }, tasks: ["rte"], seeds: 8, spread: 0.04, seed: 3 })
      .map((row) => ({ ...row, seconds: 30 }));
    const comparison = compare(rows, { baseline: "lora" });
    const { needed, pairs, secondsOfPair } = comparison.methods[1].difference!;
    expect([pairs, secondsOfPair]).toEqual([8, 60]);
    expect(findings(comparison)).toContain(
      `: about ${needed} pairs would show whether they are equivalent within 2 points: ${
        needed! - 8
      } pairs more, about `,
    );
    const wide = compare(rows, { baseline: "lora", margin: 0.1 });
    expect(verdictOf(wide.methods[1].difference, wide)).toEqual({ kind: "equivalent", isWithin: true });
    expect(findings(wide)).toContain("full and lora are equivalent within 10 points");
  });

  it("gives no verdict without an interval, though a test over tasks reaches its level", () => {
    const tasks = "abcdefgh".split("");
    const rows = drawnRows({ means: { lora: 0.7, full: 0.9 }, tasks, seeds: 1, spread: 0.001, seed: 3 });
    expect(findings(compare(rows, { baseline: "lora" }))).toContain(
      "full against lora is undecided (mean difference +20.0 points, no interval, 8 pairs, Holm's p = 0.0078): a task has " +
        "a single pair, so its spread is unknown",
    );
  });

  it("says which runs are missing, what shares no pair, and where there is nothing to compare", () => {
    const rows: ScoredRun[] = drawnRows({
      means: { lora: 0.7, full: 0.7 },
      tasks: TASKS,
      seeds: 4,
      spread: 0.01,
      seed: 1,
    })
      .map((row) => row.method === "full" && row.task === "rte" && row.seed === 0 ? { ...row, score: undefined } : row);
    const text = findings(
      compare([...rows, { task: "mrpc", seed: 0, method: "far", score: 0.5 }], { baseline: "lora" }),
    );
    expect(text).toContain("11 of 12 pairs");
    expect(text).toContain("Runs without a score are left out, which may flatter their method: full 1 of 12.");
    expect(text).toContain("far and lora share no pair of runs: nothing can be said of them");
    expect(findings(compare(rows.filter(({ method }) => method === "lora"), { baseline: "lora" })))
      .toBe("There is no method beside lora to compare it with.");
  });
});

describe("verdictOf()", () => {
  const difference: Difference = {
    mean: 0.02,
    interval: [0.01, 0.03],
    inner: [0.012, 0.028],
    pairs: 12,
    tasks: ["rte"],
    leftOut: 0,
    p: 0.01,
    adjustedP: 0.02,
    smallestP: 0.001,
    family: 1,
    tooFew: false,
    isExact: true,
  };

  const at = { level: 0.05, margin: 0.02 };

  it("needs both the interval and the test after Holm's correction, whichever way the difference goes", () => {
    const kind = (changed: Partial<Difference>) => verdictOf({ ...difference, ...changed }, at).kind;
    expect(kind({})).toBe("higher");
    expect(kind({ mean: -0.02, interval: [-0.03, -0.01] })).toBe("lower");
    expect(kind({ adjustedP: 0.05 })).toBe("higher");
    expect(kind({ adjustedP: 0.06 })).toBe("undecided");
    expect(kind({ interval: [0, 0.03] })).toBe("undecided");
    expect(kind({ interval: [-0.01, 0.05] })).toBe("undecided");
  });

  it("says by less than the margin, or equivalent, where the inner interval lies within it, both ends left out", () => {
    const small: Difference = { ...difference, mean: 0.01, interval: [0.001, 0.019], inner: [0.002, 0.018] };
    expect(verdictOf(small, at)).toEqual({ kind: "higher", isWithin: true });
    expect(verdictOf({ ...small, adjustedP: 0.06 }, at)).toEqual({ kind: "equivalent", isWithin: true });
    expect(verdictOf({ ...small, inner: [-0.02, 0.018], adjustedP: 0.06 }, at)).toEqual({
      kind: "undecided",
      isWithin: false,
    });
    expect(verdictOf(small, { ...at, margin: 0.018 })).toEqual({ kind: "higher", isWithin: false });
  });

  it("is undecided without an interval or a pair", () => {
    expect(verdictOf({ ...difference, interval: undefined, inner: undefined }, at).kind).toBe("undecided");
    expect(verdictOf(undefined, at)).toEqual({ kind: "undecided", isWithin: false });
  });
});

describe("comparisonTable()", () => {
  it("has a row a method, and prints metric, split, checkpoint rule, seeds, baseline and correction", () => {
    const rows = drawnRows({ means: { lora: 0.7, full: 0.72 }, tasks: TASKS, seeds: 4, spread: 0.01, seed: 1 });
    const table = comparisonTable(compare(rows, { baseline: "lora" }), SETTING);
    const cells = table.split("\n").slice(0, 4).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
    expect(cells[0]).toEqual(
      [
        ...["method", "mean", "sd", "median", "runs", "against lora", "95 % interval", "pairs", "p (Holm)"],
        ...["smallest difference", "pairs needed", "verdict"],
      ],
    );
    expect(cells[2].slice(5)).toEqual(["–", "–", "–", "–", "–", "–", "–"]);
    expect(cells[3][0]).toBe("full");
    expect(cells[3][6]).toMatch(/^[+−]\d\.\d … [+−]\d\.\d$/);
    for (
      const part of [
        "- Metric: accuracy, in per cent; dev split; last checkpoint; seeds 0, 1, 2, 3; tasks cola, rte, sst2, each",
        "Differences to lora on the same task and seed; 95 % intervals by Student's t, which leave seven tenths of the tails, wider where differences are skewed",
        "paired sign-flip test stratified by task, exact, two-sided, Holm's correction over 1 method; level 0.05.",
      ]
    ) expect(table).toContain(part);
    expect(table).not.toMatch(/left out|Too few|single pair:/);
  });

  it("says what was left out, what has no interval, and what was drawn", () => {
    const rows = drawnRows({ means: { lora: 0.7, full: 0.72 }, tasks: ["rte"], seeds: 50, spread: 0.01, seed: 1 });
    const single = { task: "rte", seed: 0, method: "single", score: 0.7 };
    const table = comparisonTable(compare([...rows, single], { baseline: "lora" }), SETTING);
    expect(table).toContain("Exact to 40 pairs; of 10,000 drawn signs: full.");
    expect(table).toContain("A task with a single pair, so no interval: single.");
    expect(table).toContain("Pairs left out, as a run failed or was not made: single 49 of 50.");
  });

  it("prints metrics that are no shares as they are", () => {
    const rows = drawnRows({ means: { lora: 8.1, full: 8.4 }, tasks: ["e2e"], seeds: 7, spread: 0.1, seed: 1 });
    const comparison = compare(rows, { baseline: "lora" });
    expect(comparisonTable(comparison, { ...SETTING, metric: "NIST", scale: 1 })).toMatch(/Metric: NIST; dev split/);
    expect(findings(comparison, { scale: 1 })).toMatch(/by 0\.\d+ \(95 %|mean difference \+0\.\d+, 95/);
  });
});
