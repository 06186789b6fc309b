import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { storedShapes } from "../../bench/cases/kernel_case.ts";
import { worstGradientDifference } from "../../bench/measure/difference.ts";

const layouts = ["nn", "tn", "nt"] as const;

describe("storedShapes", () => {
  it("turns the operand that is transposed", () => {
    const shapes = layouts.map((layout) => storedShapes({ kind: "product", layout, batch: 1, m: 5, n: 7, k: 9 }));
    expect(shapes).toEqual([
      { left: [5, 9], right: [9, 7] },
      { left: [9, 5], right: [9, 7] },
      { left: [5, 9], right: [7, 9] },
    ]);
  });
});

describe("worstGradientDifference", () => {
  it("measures against the largest element of a gradient, and against the largest of all where one is rounding", () => {
    const wanted = { weight: [4, -8], bias: [1e-9, 0] };
    expect(worstGradientDifference({ weight: [4, -8.8], bias: [0, 0] }, wanted)).toBeCloseTo(0.1, 10);
    expect(worstGradientDifference({ weight: [4, -8], bias: [3e-9, 0] }, wanted)).toBeLessThan(1e-6);
  });

  it("is infinite where a gradient is missing, too short or no number", () => {
    const wanted = { weight: [1, 2] };
    for (const got of [{}, { weight: [1] }, { weight: [1, NaN] }] as Record<string, number[]>[]) {
      expect(worstGradientDifference(got, wanted)).toBe(Infinity);
    }
  });
});
