import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import fc from "fast-check";
import { type RunRecord, summarize } from "../../../lib/experiment/mod.ts";
import { failed, finished, sampleSpec } from "../samples.ts";

/** Runs of one method on one task with such scores. */
const runs = (scores: readonly number[]): RunRecord[] =>
  scores.map((accuracy, seed) => finished(sampleSpec({ seed, metric: "accuracy" }), { metrics: { accuracy } }));

const score = fc.double({ min: -1, max: 1, noNaN: true });

describe("summarize()", () => {
  it("has mean 2 and deviation 1 of 1, 2, 3", () => {
    const [{ mean, deviation, scores }] = summarize(runs([1, 2, 3]));
    expect(scores).toEqual([1, 2, 3]);
    expect(mean).toBe(2);
    expect(deviation).toBe(1);
  });

  it("has the deviation |a − b| / √2 of two scores", () => {
    fc.assert(fc.property(score, score, (a, b) => {
      const [{ mean, deviation }] = summarize(runs([a, b]));
      expect(mean).toBeCloseTo((a + b) / 2, 14);
      expect(deviation).toBeCloseTo(Math.abs(a - b) / Math.SQRT2, 14);
    }));
  });

  it("has the deviation √(n(n + 1) / 12) of 1 … n", () => {
    for (const n of [2, 5, 30]) {
      const [{ deviation }] = summarize(runs(Array.from({ length: n }, (_, i) => i + 1)));
      expect(deviation).toBeCloseTo(Math.sqrt(n * (n + 1) / 12), 12);
    }
  });

  it("moves and stretches with its scores", () => {
    fc.assert(fc.property(fc.array(score, { minLength: 2, maxLength: 8 }), score, score, (scores, shift, factor) => {
      const [plain] = summarize(runs(scores));
      const [moved] = summarize(runs(scores.map((x) => shift + factor * x)));
      expect(moved.mean).toBeCloseTo(shift + factor * plain.mean!, 12);
      expect(moved.deviation).toBeCloseTo(Math.abs(factor) * plain.deviation!, 12);
    }));
  });

  it("has no deviation of one score and no mean of none", () => {
    const [one] = summarize(runs([0.25]));
    expect([one.mean, one.deviation]).toEqual([0.25, undefined]);
    const [none] = summarize([failed(sampleSpec())]);
    expect([none.mean, none.deviation, none.scores, none.failures]).toEqual([undefined, undefined, [], 1]);
  });

  it("leaves failed runs out of the mean and counts them", () => {
    const [cell] = summarize([...runs([0.2, 0.4]), failed(sampleSpec({ seed: 2, metric: "accuracy" }))]);
    expect(cell.mean).toBeCloseTo(0.3, 14);
    expect(cell.failures).toBe(1);
  });

  it("groups by task and method in the order in which they first come", () => {
    const of = (task: string, name: string) => finished(sampleSpec({ task, method: { name } }));
    const cells = summarize([of("rte", "lora"), of("cola", "full"), of("rte", "full"), of("rte", "lora")]);
    expect(cells.map(({ task, method, scores }) => [task, method, scores.length]))
      .toEqual([["rte", "lora", 2], ["cola", "full", 1], ["rte", "full", 1]]);
  });

  it("scores by the metric that the spec names", () => {
    const record = finished(sampleSpec({ metric: "accuracy" }), { metrics: { accuracy: 0.75, f1: 0.5 } });
    expect(summarize([record])[0].mean).toBe(0.75);
  });
});
