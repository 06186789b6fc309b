import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { type ScoredRun, type SpreadOf, spreadsOf, spreadTable } from "../../../lib/experiment/mod.ts";
import { drawnRows } from "../samples_of_scores.ts";

const cells = (table: string) => table.split("\n").slice(2).map((line) => line.split("|").slice(2, 4).map(Number));

const tableOf = (group: SpreadOf, margin = 0.02) => spreadTable(spreadsOf([group], { margin }), { margin });

describe("spreadTable()", () => {
  // What runs of a seed share spreads by 2 points, and each has 1 point of its own.
  const rows = drawnRows({
    means: { lora: 0.7, a: 0.7, b: 0.6 },
    tasks: ["x", "y"],
    seeds: 200,
    spread: 0.01,
    seed: 1,
  });

  it("has the spread of differences with seeds of their own and of pairs, and the pairs that each needs", () => {
    const [[apart, many], [paired, few]] = cells(tableOf({ rows, baseline: "lora" })!);
    // √(2 · (2² + 1²)) and √2.
    expect(Math.abs(apart - Math.sqrt(10))).toBeLessThan(0.2);
    expect(Math.abs(paired - Math.SQRT2)).toBeLessThan(0.1);
    // 8.6 (σ/m)² is 21.4 and 4.3: so few pairs need some more, as their spread is not known.
    expect(Math.abs(many - 25)).toBeLessThan(4);
    expect(Math.abs(few - 8)).toBeLessThan(2);
    const [[, wide]] = cells(tableOf({ rows, baseline: "lora" }, 0.04)!);
    expect(Math.abs(wide - 8)).toBeLessThan(3);
  });

  it("has the spread of last states and of means over late ones apart", () => {
    const late: ScoredRun[] = rows.map((row) => ({ ...row, score: 0.7 + (row.score! - 0.7) / 2 }));
    const table = cells(tableOf({ rows: late, last: rows, baseline: "lora" })!);
    expect(table).toHaveLength(3);
    expect(Math.abs(table[0][0] - Math.sqrt(10))).toBeLessThan(0.2);
    expect(table[1][0] / table[2][0]).toBeCloseTo(2, 0);
  });

  it("is none where no spread is known", () => {
    const single = rows.filter(({ seed, task }) => seed === 0 && task === "x");
    expect(tableOf({ rows: single, baseline: "lora" })).toBeUndefined();
  });
});
