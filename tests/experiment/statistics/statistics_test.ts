import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { mersenne } from "pure-rand/generator/mersenne";
import { bootstrapInterval, EXACT_PAIRS, holm, signFlipTest } from "../../../lib/experiment/mod.ts";
import fixture from "../../fixtures/statistics.json" with { type: "json" };
import { normals } from "../samples_of_scores.ts";

describe("signFlipTest()", () => {
  it("gives the exact p of SciPy's permutation_test(permutation_type='samples'), stratified by task", () => {
    for (const { strata, p } of fixture.permutations) {
      const found = signFlipTest(strata, { seed: 0 });
      expect(found.isExact).toBe(true);
      expect(found.p).toBeCloseTo(p, 12);
    }
  });

  it("gives 2 / 2^n where all differences have one sign, which is the smallest it can give", () => {
    for (const n of [1, 2, 5, 12, EXACT_PAIRS]) {
      const found = signFlipTest([Array.from({ length: n }, (_, i) => 0.01 + i / 100)], { seed: 0 });
      expect(found).toEqual({ p: Math.min(1, 2 / 2 ** n), smallestP: Math.min(1, 2 / 2 ** n), isExact: true });
    }
  });

  it("gives 1 where all differences are 0, and does not count 0 against equal ones", () => {
    expect(signFlipTest([[0, 0], [0]], { seed: 0 }).p).toBe(1);
    expect(signFlipTest([[0.1, 0, 0.1, 0, 0.1]], { seed: 0 })).toMatchObject({ p: 0.25, smallestP: 1 / 16 });
  });

  it("counts means as equal that differ by rounding alone", () => {
    // Of three that are 0.1 all 8 signs give ±0.3 twice and ±0.1 otherwise: 0.1 + 0.2 − 0.3 is no 0 in floating point.
    expect(signFlipTest([[0.1, 0.2, -0.3]], { seed: 0 }).p).toBe(1);
    expect(signFlipTest([[0.1, 0.2, 0.3, -0.6, 0.6]], { seed: 0 }).p)
      .toBe(signFlipTest([[1, 2, 3, -6, 6]], { seed: 0 }).p);
  });

  it("draws signs beyond 40 pairs, from its seed, near to the normal approximation", () => {
    const values = normals(60, 3).map((z) => z + 0.3);
    const strata = [values];
    const drawn = signFlipTest(strata, { seed: 7, resamples: 20_000 });
    expect(drawn.isExact).toBe(false);
    expect(drawn.smallestP).toBe(1 / 20_001);
    expect(signFlipTest(strata, { seed: 7, resamples: 20_000 })).toEqual(drawn);
    // Under the null the sum of signed values has the variance Σ d².
    const z = Math.abs(values.reduce((a, b) => a + b)) / Math.sqrt(values.reduce((a, b) => a + b * b, 0));
    const normal = 2 * normalTail(z);
    expect(Math.abs(drawn.p - normal)).toBeLessThan(0.01);
  });
});

/** By the trapezoid rule. */
function normalTail(z: number): number {
  const step = 1e-3;
  let sum = 0;
  for (let x = z; x < 10; x += step) sum += step * Math.exp(-((x + step / 2) ** 2) / 2) / Math.sqrt(2 * Math.PI);
  return sum;
}

describe("bootstrapInterval()", () => {
  it("has the percentiles of the whole distribution of resamples within tasks", () => {
    for (const { strata, low, high } of fixture.bootstraps) {
      const [l, h] = bootstrapInterval(strata, { seed: 1, resamples: 40_000, kind: "percentile" })!;
      const slack = 1e-12;
      expect(l).toBeGreaterThanOrEqual(low[0] - slack);
      expect(l).toBeLessThanOrEqual(low[1] + slack);
      expect(h).toBeGreaterThanOrEqual(high[0] - slack);
      expect(h).toBeLessThanOrEqual(high[1] + slack);
    }
  });

  it("agrees with SciPy's paired percentile bootstrap on one task", () => {
    for (const { strata, interval } of fixture.single) {
      const found = bootstrapInterval(strata, { seed: 1, resamples: 100_000, kind: "percentile" })!;
      const width = interval[1] - interval[0];
      expect(Math.abs(found[0] - interval[0]) / width).toBeLessThan(0.01);
      expect(Math.abs(found[1] - interval[1]) / width).toBeLessThan(0.01);
    }
  });

  it("is a pure function of values and seed", () => {
    const strata = [normals(5, 1), normals(4, 2)];
    const options = { seed: 3, resamples: 500 };
    expect(bootstrapInterval(strata, options)).toEqual(bootstrapInterval(strata, options));
    expect(bootstrapInterval(strata, { ...options, seed: 4 })).not.toEqual(bootstrapInterval(strata, options));
  });

  it("lets each task weigh the same, however many seeds it has", () => {
    const wide = bootstrapInterval([[1, 1], [0, 0, 0, 0, 0, 0]], { seed: 0 });
    expect(wide).toEqual([0.5, 0.5]);
  });

  it("is undefined where a task has a single value, or there is none", () => {
    expect(bootstrapInterval([[0.1, 0.2], [0.3]], { seed: 0 })).toBeUndefined();
    expect(bootstrapInterval([], { seed: 0 })).toBeUndefined();
  });

  it("expands to SciPy's tail of the normal distribution at Student's quantile", () => {
    // One task of df + 1 values, resampled so often that the quantile of the scaled means shows the tail.
    for (const { df, tail } of fixture.expanded.filter(({ df }) => df === 4 || df === 30)) {
      const values = normals(df + 1, 9);
      const center = values.reduce((a, b) => a + b) / values.length;
      const scale = Math.sqrt((df + 1) / df);
      const scaled = [values.map((value) => center + scale * (value - center))];
      const options = { seed: 2, resamples: 20_000 };
      expect(bootstrapInterval([values], options)![0]).toBeCloseTo(
        bootstrapInterval(scaled, { ...options, kind: "percentile", confidence: 1 - 2 * tail })![0],
        6,
      );
    }
  });

  it("holds the mean in about 95 % of cases when expanded, and in fewer as plain percentiles", () => {
    let [expanded, percentile] = [0, 0];
    const repetitions = 400;
    for (let i = 0; i < repetitions; i++) {
      const strata = [0, 1, 2].map((task) => normals(3, 1000 + 3 * i + task));
      const holds = (kind: "expanded" | "percentile") => {
        const [low, high] = bootstrapInterval(strata, { seed: i, resamples: 600, kind })!;
        return low <= 0 && high >= 0;
      };
      if (holds("expanded")) expanded++;
      if (holds("percentile")) percentile++;
    }
    // Four standard errors of a share of 0.95 in 400.
    expect(Math.abs(expanded / repetitions - 0.95)).toBeLessThan(0.044);
    expect(percentile / repetitions).toBeLessThan(0.9);
  });

  it("refuses a confidence or a number of resamples that is none", () => {
    expect(() => bootstrapInterval([[1, 2]], { seed: 0, confidence: 95 })).toThrow(/between 0 and 1: 95/);
    expect(() => bootstrapInterval([[1, 2]], { seed: 0, resamples: 0 })).toThrow(/positive integer: 0/);
  });
});

describe("holm()", () => {
  it("gives the adjusted values of the definition, in the order given", () => {
    for (const { ps, adjusted } of fixture.holm) {
      holm(ps).forEach((value, i) => expect(value).toBeCloseTo(adjusted[i], 14));
    }
  });

  it("is at most Bonferroni's correction, and never below p", () => {
    const random = mersenne(1);
    const ps = Array.from({ length: 30 }, () => (random.next() >>> 0) / 2 ** 32);
    holm(ps).forEach((value, i) => {
      expect(value).toBeGreaterThanOrEqual(ps[i]);
      expect(value).toBeLessThanOrEqual(Math.min(1, 30 * ps[i]));
    });
  });

  it("of none is none", () => expect(holm([])).toEqual([]));
});
