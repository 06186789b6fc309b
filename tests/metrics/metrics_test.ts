import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { accuracy, f1, matthewsCorrelation, pearson, spearman } from "../../lib/metrics/mod.ts";

interface Fixture {
  classes: {
    predictions: number[];
    labels: number[];
    accuracy: number;
    matthewsCorrelation: number;
    f1: number | null;
  }[];
  scores: { predictions: number[]; labels: number[]; pearson: number | null; spearman: number | null }[];
}

// Made by `python tests/fixtures/metrics.py`.
const fixture: Fixture = JSON.parse(await Deno.readTextFile(new URL("../fixtures/metrics.json", import.meta.url)));
const metrics = { accuracy, f1, matthewsCorrelation, pearson, spearman };

describe("metrics of classes", () => {
  it("accuracy(), matthewsCorrelation() and f1() equal scikit-learn's, degenerate tables included", () => {
    for (const { predictions, labels, ...expected } of fixture.classes) {
      expect(accuracy(predictions, labels)).toBeCloseTo(expected.accuracy, 14);
      expect(matthewsCorrelation(predictions, labels)).toBeCloseTo(expected.matthewsCorrelation, 14);
      if (expected.f1 !== null) expect(f1(predictions, labels)).toBeCloseTo(expected.f1, 14);
    }
  });

  it("matthewsCorrelation() is 0, not NaN, when all predictions are one class", () => {
    expect(matthewsCorrelation([1, 1, 1], [1, 0, 1])).toBe(0);
  });

  it("f1() refuses a class that is neither 0 nor 1", () => {
    expect(() => f1([0, 2], [0, 1])).toThrow("Cannot compute F1 as predictions must be 0 or 1: 2 at 1");
  });
});

describe("metrics of scores", () => {
  it("pearson() and spearman() equal SciPy's, and are 0 where SciPy's are NaN", () => {
    for (const { predictions, labels, ...expected } of fixture.scores) {
      expect(pearson(predictions, labels)).toBeCloseTo(expected.pearson ?? 0, 12);
      expect(spearman(predictions, labels)).toBeCloseTo(expected.spearman ?? 0, 12);
    }
  });

  it("pearson() and spearman() of predictions that are not finite are numbers", () => {
    expect(pearson([1, NaN, 2], [1, 2, 3])).toBe(0);
    expect(pearson([1, Infinity, 2], [1, 2, 3])).toBe(0);
    expect(spearman([1, NaN, 2], [1, 2, 3])).toBe(0);
    expect(spearman([1, Infinity, 2], [1, 3, 2])).toBe(1);
  });

  it("pearson() and spearman() read typed arrays", () => {
    expect(pearson(Float32Array.of(1, 2, 4), Float32Array.of(2, 4, 8))).toBe(1);
    expect(spearman(Float32Array.of(1, 2, 4), [8, 4, 2])).toBe(-1);
  });
});

describe("every metric", () => {
  for (const [name, metric] of Object.entries(metrics)) {
    it(`${name}() refuses lists of other lengths and empty lists`, () => {
      expect(() => metric([1], [1, 0])).toThrow("lengths must match: 1 predictions and 2 labels");
      expect(() => metric([], [])).toThrow("there are no predictions");
    });
  }
});
