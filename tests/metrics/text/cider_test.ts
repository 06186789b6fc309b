import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { captionRouge, cider } from "../../../lib/metrics/mod.ts";
import { tokenizeCaption } from "../../../lib/metrics/text/tokenize_caption.ts";
import { hasOutputs, readE2e } from "./published.ts";
import { fixture, hypotheses, references } from "./scores.ts";

describe("cider()", () => {
  it("equals the scorer of MS COCO's captions on random text, of the corpus and of each row", () => {
    const { score, sentences } = cider(hypotheses, references);
    expect(score).toBeCloseTo(fixture.cider.score, 10);
    sentences.forEach((score, row) => {
      expect([row, score]).toEqual([row, expect.closeTo(fixture.cider.sentences[row], 10)]);
    });
  });

  it("has the mean of its orders as its score", () => {
    const { score, parts } = cider(["a b c", "d e"], [["a b c"], ["x y", "d e f"]], { maxOrder: 2 });
    expect(Object.keys(parts)).toEqual(["order1", "order2"]);
    expect(score).toBeCloseTo((parts.order1 + parts.order2) / 2, 14);
  });

  (hasOutputs ? it : it.skip)("gives TGen's published score on E2E (needs ../shared/data): 2.2338", async () => {
    const { hypotheses, references } = await readE2e();
    expect(Math.abs(cider(hypotheses, references).score / 2.2338 - 1)).toBeLessThan(0.01);
  });
});

describe("captionRouge()", () => {
  it("equals the scorer of MS COCO's captions on random text, of each row", () => {
    const { sentences } = captionRouge(hypotheses, references);
    sentences.forEach((score, row) => {
      expect([row, score]).toEqual([row, expect.closeTo(fixture.cocoRouge[row], 10)]);
    });
  });
});

describe("tokenizeCaption()", () => {
  it("reads random text as Stanford's PTBTokenizer does in MS COCO's scorers", () => {
    fixture.rows.forEach(([hypothesis, texts], row) => {
      const read = [hypothesis, ...texts].map((text) => tokenizeCaption(text).join(" "));
      expect(read).toEqual(fixture.captions[row]);
    });
  });
});
