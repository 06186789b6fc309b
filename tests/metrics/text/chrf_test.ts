import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { chrf } from "../../../lib/metrics/mod.ts";
import { expectPercent, fixture, hypotheses, references } from "./scores.ts";

describe("chrf()", () => {
  const cases = {
    chrf: {},
    chrfWords: { wordOrder: 2, lowercase: true },
    chrfWhitespace: { whitespace: true, characterOrder: 4, beta: 1 },
  } as const;
  for (const [name, options] of Object.entries(cases)) {
    it(`equals sacrebleu's on random text, of the corpus and of each row: ${name}`, () => {
      expectPercent(chrf(hypotheses, references, options), fixture[name as keyof typeof cases]);
    });
  }

  it("is the F-score of mean precision and mean recall over the orders that both texts have", () => {
    const { score, parts } = chrf(["ab"], ["abc"], { characterOrder: 3 });
    expect(parts).toEqual({ precision: 1, recall: (2 / 3 + 1 / 2) / 2 });
    expect(score).toBeCloseTo(5 * parts.recall / (4 + parts.recall), 14);
  });
});
