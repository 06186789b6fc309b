import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { type Tokenizer, tokenizerFromJson, type TokenizerJson, wordPiece, wordPieceJson } from "../../lib/data/mod.ts";
import { hasSharedData, readSharedText } from "./shared_data.ts";

interface Encodings {
  single: number[][];
  pairs: { text: string; text2: string; maxLength: number; ids: number[]; typeIds: number[] }[];
}

interface Fixture {
  texts: string[];
  vocabulary: string[];
  uncased: Encodings;
  cased: Encodings;
  bertBaseUncased: Encodings;
  tokenizerJson: TokenizerJson;
}

// Made by `python tests/fixtures/word_piece.py VOCAB`.
const path = new URL("../fixtures/word_piece.json", import.meta.url);
const fixture: Fixture = JSON.parse(await Deno.readTextFile(path));

function expectSame(tokenizer: Tokenizer, expected: Encodings): void {
  const differing = fixture.texts.filter((text, i) => {
    const { ids, typeIds } = tokenizer.encode(text);
    return ids.join() !== expected.single[i].join() || typeIds.some((id) => id !== 0) || typeIds.length !== ids.length;
  });
  expect(differing).toEqual([]);
  for (const { text, text2, maxLength, ids, typeIds } of expected.pairs) {
    expect({ text, text2, maxLength, ...tokenizer.encode(text, text2, { maxLength }) })
      .toEqual({ text, text2, maxLength, ids, typeIds });
  }
}

describe("wordPiece()", () => {
  it("gives the ids of Hugging Face's tokenizers on awkward texts and cut pairs, uncased", () => {
    expectSame(wordPiece(fixture.vocabulary), fixture.uncased);
  });

  it("gives the ids of Hugging Face's tokenizers on awkward texts and cut pairs, cased", () => {
    expectSame(wordPiece(fixture.vocabulary, { lowercase: false }), fixture.cased);
  });

  const vocabulary = "tokenizers/bert-base-uncased/vocab.txt.gz";
  const there = hasSharedData(vocabulary);
  (there ? it : it.skip)(
    "gives the ids of Hugging Face's tokenizers with BERT's vocabulary" + (there ? "" : " (skipped: no file)"),
    async () => {
      const lines = (await readSharedText(vocabulary)).trimEnd().split("\n");
      const tokenizer = wordPiece(lines);
      expect(tokenizer).toMatchObject({
        vocabSize: 30522,
        padId: 0,
        unknownId: 100,
        clsId: 101,
        sepId: 102,
        maskId: 103,
      });
      expectSame(tokenizer, fixture.bertBaseUncased);
    },
  );

  it("cuts a single text at its end", () => {
    const tokenizer = wordPiece(fixture.vocabulary);
    const { ids } = tokenizer.encode("the cat sat on the mat");
    expect(tokenizer.encode("the cat sat on the mat", undefined, { maxLength: 5 }).ids)
      .toEqual([...ids.slice(0, 4), tokenizer.sepId]);
  });

  it("refuses a length without room for the special tokens", () => {
    const tokenizer = wordPiece(fixture.vocabulary);
    expect(() => tokenizer.encode("a", "b", { maxLength: 2 })).toThrow("special tokens alone exceed maxLength 2");
    expect(() => tokenizer.encode("a", undefined, { maxLength: NaN })).toThrow(RangeError);
  });

  it("refuses a vocabulary that lacks a special token or holds a piece twice", () => {
    expect(() => wordPiece(["[PAD]", "[UNK]", "[CLS]", "a"])).toThrow("the vocabulary lacks [SEP], [MASK]");
    expect(() => wordPiece(["a", "b", "a"])).toThrow('"a" stands at both 0 and 2');
  });
});

describe("tokenizerFromJson()", () => {
  it("reads the tokenizer.json that Hugging Face's tokenizers wrote", () => {
    expectSame(tokenizerFromJson(fixture.tokenizerJson), fixture.uncased);
  });

  it("reads what wordPieceJson() wrote, also through text", () => {
    expectSame(tokenizerFromJson(JSON.parse(JSON.stringify(wordPieceJson(fixture.vocabulary)))), fixture.uncased);
  });

  it("refuses other models and files without a vocabulary", () => {
    expect(() => tokenizerFromJson({ model: { type: "BPE", vocab: {} } })).toThrow("must be WordPiece: BPE");
    expect(() => tokenizerFromJson({} as unknown as TokenizerJson)).toThrow("no vocabulary at model.vocab");
  });
});
