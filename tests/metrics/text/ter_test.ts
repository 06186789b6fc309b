import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { ter } from "../../../lib/metrics/mod.ts";
import { expectPercent, fixture, hypotheses, references } from "./scores.ts";

describe("ter()", () => {
  const cases = {
    ter: {},
    terNormalized: { normalize: true, caseSensitive: true },
    terNoPunctuation: { withoutPunctuation: true },
  } as const;
  for (const [name, options] of Object.entries(cases)) {
    it(`equals sacrebleu's on random text, of the corpus and of each row: ${name}`, () => {
      expectPercent(ter(hypotheses, references, options), fixture[name as keyof typeof cases]);
    });
  }

  it("counts a block of words that moved as one edit", () => {
    expect(ter(["d e f a b c"], ["a b c d e f"]).parts).toEqual({ edits: 1, referenceLength: 6 });
  });

  it("takes the edits to the nearest reference by the mean length of all", () => {
    expect(ter(["a b c"], [["a b d", "x x x x x"]]).score).toBe(1 / 4);
  });

  it("ends within its limits on long texts of one word", () => {
    const [hypothesis, reference] = ["a b ".repeat(150), "b a a ".repeat(100)];
    expect(ter([hypothesis], [reference]).score).toBeGreaterThan(0);
  });
});
