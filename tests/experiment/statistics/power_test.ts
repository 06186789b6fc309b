import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import {
  comparePairs,
  LEVEL,
  MARGIN,
  type MethodPair,
  pairsNeeded,
  type ScoredRun,
  smallestDifference,
  verdictOf,
} from "../../../lib/experiment/mod.ts";
import { drawnRows, normals } from "../samples_of_scores.ts";

const AT = { level: LEVEL, margin: MARGIN };

/** Rows whose differences are these. */
function rowsOf(differences: readonly (readonly number[])[]): ScoredRun[] {
  return differences.flatMap((values, task) =>
    values.flatMap((score, seed) => [
      { task: `task ${task}`, seed, method: "ours", score },
      { task: `task ${task}`, seed, method: "theirs", score: 0 },
    ])
  );
}

/** Pairs of a spread, normally distributed about a difference. */
function drawn(
  sizes: readonly number[],
  { spread, difference, seed }: Record<"spread" | "difference" | "seed", number>,
) {
  const noise = normals(sizes.reduce((a, b) => a + b), seed);
  let next = 0;
  return sizes.map((size) => Array.from({ length: size }, () => difference + spread * noise[next++]));
}

/** What the rule, as it is used, calls such pairs, beside others of the family that are the same as theirs. */
function kindOf(differences: readonly (readonly number[])[], family = 1) {
  const pair: MethodPair = ["ours", "theirs"];
  const others = Array.from({ length: family - 1 }, (_, i): MethodPair => [`other ${i}`, "theirs"]);
  const rows = rowsOf(differences);
  const beside = others.flatMap(([method]) =>
    rows.filter((row) => row.method === "theirs").map((row) => ({ ...row, method }))
  );
  const [difference] = comparePairs([...rows, ...beside], { pairs: [pair, ...others], ...AT, findsPower: false });
  return verdictOf(difference, AT).kind;
}

const isWithin = (differences: readonly (readonly number[])[]): boolean => {
  const [difference] = comparePairs(rowsOf(differences), { pairs: [["ours", "theirs"]], ...AT, findsPower: false });
  return verdictOf(difference, AT).isWithin;
};

describe("smallestDifference()", () => {
  const cases: readonly (readonly [sizes: number[], family: number])[] = [
    [[6], 1],
    [[9], 1],
    [[3, 3, 3], 1],
    [[5, 5, 5], 4],
    [[16], 1],
    [[8, 8, 8], 10],
  ];
  for (const [sizes, family] of cases) {
    it(`is what the rule finds in 80 ± 4 % of 1,000 draws: pairs ${sizes.join(" + ")}, ${family} in the family`, () => {
      // A spread that is known: differences whose own spread is 1 within each task.
      const known = sizes.map((size) => {
        const values = Array.from({ length: size }, (_, i) => i - (size - 1) / 2);
        const spread = Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / (size - 1));
        return values.map((value) => value / spread);
      });
      const difference = smallestDifference(known, { level: LEVEL, family })!;
      const draws = 1000;
      let found = 0;
      for (let seed = 0; seed < draws; seed++) {
        const own = drawn(sizes, { spread: 0.01, difference: 0.01 * difference, seed: 70_000 + seed });
        if (kindOf(own, family) === "higher") found++;
      }
      expect(Math.abs(found / draws - 0.8)).toBeLessThanOrEqual(0.04);
    });
  }

  it("is nothing where so few pairs cannot reach the level, or a spread is unknown", () => {
    const at = (family: number) => ({ level: LEVEL, family });
    expect(smallestDifference([[1, 2, 3, 4, 5]], at(1))).toBeUndefined();
    expect(smallestDifference([[1, 2, 3, 4, 5, 6]], at(1))).toBeGreaterThan(0);
    expect(smallestDifference([[1, 2, 3, 4, 5, 6]], at(2))).toBeUndefined();
    expect(smallestDifference([[1, 2, 3, 4, 5, 6, 7], [1]], at(1))).toBeUndefined();
    expect(smallestDifference([[1, 1, 1, 1, 1, 1]], at(1))).toBeUndefined();
  });

  it("grows with the spread and with the family, and falls with more pairs", () => {
    const of = (size: number, spread: number, family = 1) =>
      smallestDifference([Array.from({ length: size }, (_, i) => spread * (i % 2))], { level: LEVEL, family })!;
    expect(of(10, 2)).toBeCloseTo(2 * of(10, 1), 1);
    expect(of(10, 1, 5)).toBeGreaterThan(of(10, 1));
    expect(of(20, 1)).toBeLessThan(of(10, 1));
  });
});

describe("pairsNeeded()", () => {
  it("is about 8.6 (σ / margin)² pairs, shared out evenly over tasks", () => {
    const values = [1, -1, 1, -1, 1, -1].map((value) => value * Math.sqrt(5 / 6)); // spread 1
    const many = 8.5639 * 400;
    expect(Math.abs(pairsNeeded([values], { margin: 0.05, level: LEVEL })! - many)).toBeLessThan(3);
    expect(pairsNeeded([values], { margin: 1, level: LEVEL })).toBe(12);
    expect(pairsNeeded([values, values, values], { margin: 0.25, level: LEVEL })! % 3).toBe(0);
    expect(pairsNeeded([[1]], { margin: 1, level: LEVEL })).toBeUndefined();
    // Without any spread five signs agree by chance in less than one case of twenty.
    expect(pairsNeeded([[1, 1, 1]], { margin: 1, level: LEVEL })).toBe(5);
  });

  for (const [spread, tasks] of [[0.01, 1], [0.02, 1], [0.03, 1], [0.03, 3]] as const) {
    it(`is as many as show equivalence in about 80 % of draws without a difference: ${spread}, ${tasks} tasks`, () => {
      const half = Math.sqrt(5 / 6);
      const known = Array.from({ length: tasks }, () => [1, -1, 1, -1, 1, -1].map((value) => value * half * spread));
      const needed = pairsNeeded(known, AT)!;
      const sizes = Array.from({ length: tasks }, () => needed / tasks);
      let within = 0;
      for (let seed = 0; seed < 1000; seed++) {
        if (isWithin(drawn(sizes, { spread, difference: 0, seed: 90_000 + seed }))) within++;
      }
      expect(within / 1000).toBeGreaterThan(0.75);
      expect(within / 1000).toBeLessThan(needed < 10 ? 0.95 : 0.87);
    });
  }
});

describe("the rule", () => {
  const rule = (means: Readonly<Record<string, number>>, seed: number, spread = 0.01) => {
    const rows = drawnRows({ means, tasks: ["cola", "rte", "sst2"], seeds: 6, spread, seed });
    const [, other] = Object.keys(means);
    const [difference] = comparePairs(rows, { pairs: [[other, "lora"]], ...AT, findsPower: false });
    return { difference, kind: verdictOf(difference, AT).kind };
  };

  it("calls one method under two names, with seeds of its own, equivalent or undecided", () => {
    const kinds = new Map<string, number>();
    for (let seed = 0; seed < 300; seed++) {
      const { kind } = rule({ lora: 0.7, twin: 0.7 }, 40_000 + seed, 0.03);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    const apart = (kinds.get("higher") ?? 0) + (kinds.get("lower") ?? 0);
    // Five in a hundred at most, and two and a half standard errors.
    expect(apart / 300).toBeLessThanOrEqual(0.05 + 2.5 * Math.sqrt(0.05 * 0.95 / 300));
    expect(kinds.get("equivalent")).toBeGreaterThan(30);
    expect(kinds.get("undecided")).toBeGreaterThan(30);
    // With these keys it is what it is said to be.
    for (let seed = 0; seed < 10; seed++) expect(rule({ lora: 0.7, twin: 0.7 }, seed).kind).toBe("equivalent");
  });

  it("finds a true difference of 3 points as often as its power says, in 1,000 draws", () => {
    // The spread of differences for which 3 points are the smallest difference of 3 × 6 pairs.
    const known = [0, 1, 2].map(() => [1, -1, 1, -1, 1, -1].map((value) => value * Math.sqrt(5 / 6)));
    const spread = 0.03 / smallestDifference(known, { level: LEVEL, family: 1 })!;
    let found = 0;
    for (let seed = 0; seed < 1000; seed++) {
      if (kindOf(drawn([6, 6, 6], { spread, difference: 0.03, seed: 20_000 + seed })) === "higher") found++;
    }
    expect(Math.abs(found / 1000 - 0.8)).toBeLessThanOrEqual(0.04);
  });

  it("takes pairs without any spread for what they are", () => {
    const all = (value: number, size: number) => kindOf([Array.from({ length: size }, () => value)]);
    expect(all(0, 4)).toBe("undecided"); // four agree too often by chance
    expect(all(0, 5)).toBe("equivalent");
    expect(all(0.01, 8)).toBe("higher");
    expect(all(-0.5, 8)).toBe("lower");
    expect(all(0.01, 5)).toBe("equivalent"); // five pairs cannot reach the level, and the difference is small
    expect(all(0.5, 3)).toBe("undecided");
  });
});
