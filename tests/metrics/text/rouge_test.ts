import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { captionRouge, rouge } from "../../../lib/metrics/mod.ts";
import { porterStem } from "../../../lib/metrics/text/porter_stem.ts";
import { hasOutputs, readE2e, readXsum } from "./published.ts";
import { fixture, hypotheses, references } from "./scores.ts";

describe("rouge()", () => {
  for (const kind of ["rouge1", "rouge2", "rougeL", "rougeLsum"] as const) {
    for (const stem of [false, true]) {
      it(`equals rouge-score's on random text, of each row: ${kind}${stem ? ", stemmed" : ""}`, () => {
        const expected = fixture.rouge[`${kind}${stem ? " stem" : ""}`];
        const { score, sentences, parts } = rouge(hypotheses, references, { kind, stem });
        sentences.forEach((score, row) => {
          expect([row, score]).toEqual([row, expect.closeTo(expected[row][2], 12)]);
        });
        const means = [0, 1, 2].map((at) => expected.reduce((sum, row) => sum + row[at], 0) / expected.length);
        expect([parts.precision, parts.recall, score]).toEqual(means.map((mean) => expect.closeTo(mean, 12)));
      });
    }
  }
});

describe("porterStem()", () => {
  it("equals nltk's PorterStemmer on words of every rule", () => {
    expect(fixture.stems.length).toBeGreaterThan(500);
    expect(fixture.stems.map(([word]) => [word, porterStem(word)])).toEqual(
      fixture.stems.map(([word, porter]) => [word, porter]),
    );
  });
});

describe("published ROUGE", () => {
  const test = hasOutputs ? it : it.skip;
  // They are of ROUGE-1.5.5, whose tokens and stems are not quite rouge-score's.
  const kinds = { rouge1: 31.27, rouge2: 11.07, rougeL: 25.23 } as const;
  for (const [kind, published] of Object.entries(kinds)) {
    test(`of a convolutional model on XSum, ${kind} (needs ../shared/data): ${published}, within 0.5`, async () => {
      const { hypotheses, references } = await readXsum();
      const { score } = rouge(hypotheses, references, { kind: kind as keyof typeof kinds });
      expect(Math.abs(100 * score - published)).toBeLessThan(0.5);
    });
  }

  test("of TGen on E2E, as MS COCO's scorers compute it (needs ../shared/data): .6850", async () => {
    const { hypotheses, references } = await readE2e();
    expect(captionRouge(hypotheses, references).score.toFixed(4)).toBe("0.6850");
  });
});
