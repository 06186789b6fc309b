import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { bleu, nist } from "../../../lib/metrics/mod.ts";
import { hasOutputs, readE2e, readWebnlg } from "./published.ts";
import { fixture, hypotheses, references } from "./scores.ts";

describe("bleu()", () => {
  const cases = {
    bleu: {},
    bleuLowercase: { lowercase: true },
    bleuMulti: { convention: "multi-bleu" },
    bleuOrder2: { maxOrder: 2 },
  } as const;
  for (const [name, options] of Object.entries(cases)) {
    it(`equals sacrebleu's on random text, of the corpus and of each row: ${name}`, () => {
      const expected = fixture[name as keyof typeof cases];
      const result = bleu(hypotheses, references, options);
      expect(100 * result.score).toBeCloseTo(expected.score, 10);
      result.sentences.forEach((score, row) =>
        expect([row, 100 * score]).toEqual([row, near(expected.sentences[row])])
      );
    });
  }

  it("names what the score is made of", () => {
    const { score, parts } = bleu(["a b c d e"], ["a b c d f g"], { convention: "multi-bleu" });
    expect(parts).toEqual({
      precision1: 4 / 5,
      precision2: 3 / 4,
      precision3: 2 / 3,
      precision4: 1 / 2,
      brevityPenalty: Math.exp(1 - 6 / 5),
      hypothesisLength: 5,
      referenceLength: 6,
    });
    expect(score).toBeCloseTo(Math.exp(-1 / 5) * (1 / 5) ** 0.25, 14);
  });

  it("without smoothing is 0 where four tokens in a row are never shared", () => {
    expect(bleu(["a b c x y z"], ["a b c d e f"], { smoothing: "none" }).score).toBe(0);
    expect(bleu(["a b c x y z"], ["a b c d e f"]).score).toBeGreaterThan(0);
  });
});

describe("nist()", () => {
  it("equals nltk's where there is one reference", () => {
    const { score } = nist(fixture.nist.hypotheses, fixture.nist.references, { tokenize: "none" });
    expect(score).toBeCloseTo(fixture.nist.score, 10);
  });

  it("is the information of the shared tokens in bits, halved at two thirds of the length", () => {
    const { score, parts } = nist(["a b"], ["a b c"], { tokenize: "none", maxOrder: 1 });
    expect(parts).toEqual({ order1: Math.log2(3), lengthPenalty: near(0.5), hypothesisLength: 2, referenceLength: 3 });
    expect(score).toBeCloseTo(Math.log2(3) / 2, 14);
  });

  it("takes the mean length of all references where rows differ in how many they have", () => {
    const { parts } = nist(["a", "b"], [["a b c", "a", "a b"], "b"], { maxOrder: 1 });
    expect(parts.referenceLength).toBe(2 * 7 / 4);
  });

  it("scores rows with the information of the whole corpus", () => {
    const whole = nist(["a b", "c"], ["a b", "c d"], { maxOrder: 1 });
    expect(whole.sentences[0]).toBeCloseTo(2, 14);
    expect(nist(["a b"], ["a b"], { maxOrder: 1 }).sentences[0]).toBeCloseTo(1, 14);
  });
});

describe("published BLEU and NIST", () => {
  const test = hasOutputs ? it : it.skip;
  test("of TGen on E2E (needs ../shared/data): .6593 and 8.6094", async () => {
    const { hypotheses, references } = await readE2e();
    expect(hypotheses.length).toBe(630);
    expect(bleu(hypotheses, references, { lowercase: true }).score.toFixed(4)).toBe("0.6593");
    expect(nist(hypotheses, references, { lowercase: true }).score.toFixed(4)).toBe("8.6094");
  });

  for (const [part, expected] of [["all", "33.24"], ["old", "52.39"], ["new", "6.13"]] as const) {
    test(`of the baseline on WebNLG 2017, ${part} (needs ../shared/data): ${expected}`, async () => {
      const { hypotheses, references } = await readWebnlg(part);
      const { score } = bleu(hypotheses, references, { convention: "multi-bleu", lowercase: true });
      expect((100 * score).toFixed(2)).toBe(expected);
    });
  }
});

function near(value: number): unknown {
  return expect.closeTo(value, 10);
}
