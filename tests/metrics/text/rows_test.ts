import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import {
  bleu,
  captionRouge,
  chrf,
  cider,
  meteor,
  nist,
  type References,
  rouge,
  ter,
  type TextScore,
} from "../../../lib/metrics/mod.ts";

const scorers: Readonly<Record<string, (hypotheses: readonly string[], references: References) => TextScore>> = {
  BLEU: bleu,
  NIST: nist,
  chrF: chrf,
  TER: ter,
  ROUGE: rouge,
  "ROUGE-L": captionRouge,
  CIDEr: cider,
  METEOR: meteor,
};

describe("every scorer of text", () => {
  for (const [name, score] of Object.entries(scorers)) {
    it(`refuses lists of other lengths and empty lists: ${name}`, () => {
      expect(() => score(["a"], ["a", "b"])).toThrow(
        new RangeError(`Cannot compute ${name} as lengths must match: 1 hypothesis and references of 2 rows`),
      );
      expect(() => score([], [])).toThrow(new RangeError(`Cannot compute ${name} as there are no hypotheses`));
    });

    it(`says which row has no reference: ${name}`, () => {
      const message = new RangeError(`Cannot compute ${name} as row 1 has no reference`);
      for (const none of [[], "", ["", " \n"], [""]]) expect(() => score(["a", "b"], ["a", none])).toThrow(message);
      expect(() => score(["a", "b"], JSON.parse('["a", null]'))).toThrow(message);
    });

    it(`leaves blank references out: ${name}`, () => {
      expect(score(["a b c", "d"], [["", "a b d"], ["d", ""]])).toEqual(score(["a b c", "d"], ["a b d", "d"]));
    });

    it(`is a number where a hypothesis is empty, and leaves other rows as they are: ${name}`, () => {
      const [full, empty] = [
        score(["the cat", "a dog"], ["the cat", "a dog"]),
        score(["the cat", ""], ["the cat", "a dog"]),
      ];
      const worst = name === "TER" ? 1 : 0;
      expect(empty.sentences).toEqual([full.sentences[0], worst]);
      expect(Number.isFinite(empty.score)).toBe(true);
      expect(score([""], ["the cat"]).score).toBe(worst);
    });

    it(`does not change what it is given: ${name}`, () => {
      const [hypotheses, references] = [Object.freeze(["a b"]), Object.freeze([Object.freeze(["a c", "b"])])];
      expect(score(hypotheses, references)).toEqual(score(hypotheses, references));
    });
  }
});
