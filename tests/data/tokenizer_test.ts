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

  const refused = (json: unknown, message: string) => {
    expect(() => tokenizerFromJson(json as TokenizerJson)).toThrow(TypeError);
    expect(() => tokenizerFromJson(json as TokenizerJson)).toThrow(`Cannot make a tokenizer as ${message}`);
  };
  const model = { type: "WordPiece", vocab: { "[UNK]": 0 } };

  it("refuses models that are not known, or not whole, by what is wrong", () => {
    refused({}, "there is no model");
    refused({ model: [] }, "there is no model");
    refused({ model: { type: "Words" } }, 'model "Words" is not one of WordPiece, WordLevel, BPE, Unigram');
    refused({ model: { type: "WordLevel", vocab: {} } }, "model.unk_token nothing is not in the vocabulary");
    refused({ model: { type: "WordPiece" } }, "there is no vocabulary at model.vocab");
    refused({ model: { vocab: { a: -1 } } }, 'model.vocab gives "a" the id -1');
    refused({ model: { vocab: { a: 2 ** 40 } } }, 'model.vocab gives "a" the id 1099511627776');
    refused({ model: { vocab: { a: 0 } } }, 'model.unk_token "[UNK]" is not in the vocabulary');
    refused({ model: { ...model, max_input_chars_per_word: "x" } }, "model.max_input_chars_per_word is no count");
    refused({ model: { ...model, continuing_subword_prefix: 3 } }, "model.continuing_subword_prefix is no text: 3");
    const pairs = { type: "BPE", vocab: { a: 0, b: 1, ab: 2 } };
    refused({ model: pairs }, "there is no list of merges at model.merges");
    refused({ model: { ...pairs, merges: ["a b", "b a"] } }, "model.merges[1] joins no two pieces");
    refused({ model: { ...pairs, merges: [["a"]] } }, "model.merges[0] joins no two pieces");
    refused({ model: { ...pairs, merges: [], dropout: 0.1 } }, "model BPE with dropout is not supported");
    refused({ model: { ...pairs, merges: [], ignore_merges: 1 } }, "model.ignore_merges is neither true nor false: 1");
    refused({ model: { ...pairs, merges: [], unk_token: "x" } }, 'model.unk_token "x" is not in the vocabulary');
    const unigram = { type: "Unigram", vocab: [["a", 0]], unk_id: 0 };
    refused({ model: { ...unigram, vocab: [] } }, "there is no list of pieces at model.vocab");
    refused({ model: { ...unigram, vocab: [["a", 0], ["b"]] } }, "model.vocab[1] is no piece with its score");
    refused({ model: { ...unigram, unk_id: 1 } }, "model.unk_id is no index of model.vocab: 1");
  });

  it("refuses other parts that are not known, or not whole, by what is wrong", () => {
    refused({ model, normalizer: "x" }, "normalizer is no object");
    refused({ model, normalizer: { type: "Append" } }, 'normalizer "Append" is not supported');
    refused({ model, normalizer: { type: "Sequence" } }, "Sequence has no list at normalizers");
    refused(
      { model, normalizer: { type: "BertNormalizer" } },
      "BertNormalizer has neither true nor false at lowercase",
    );
    const replace = (Regex: string) => ({ type: "Replace", pattern: { Regex }, content: "" });
    refused({ model, normalizer: replace("(a)\\1") }, '"\\\\1" in the regular expression "(a)\\\\1" is not supported');
    refused({ model, normalizer: replace("a{1,2}+") }, '"{1,2}+" in the regular expression "a{1,2}+" is not supported');
    refused({ model, normalizer: replace("(?i:ß)") }, '"ß without case" in the regular expression "(?i:ß)"');
    refused({ model, normalizer: replace("(a") }, '"a group without end" in the regular expression "(a"');
    const table = { type: "Precompiled", precompiled_charsmap: "AAAAgA==" };
    refused({ model, normalizer: table }, "precompiled_charsmap of 4 bytes holds no trie of 2147483648 bytes");
    refused(
      { model, pre_tokenizer: { type: "Sequence", pretokenizers: [null] } },
      "Sequence has null in pretokenizers",
    );
    const split = { type: "Split", pattern: { String: "a" }, invert: false };
    refused({ model, pre_tokenizer: { ...split, pattern: {} } }, "Split has no pattern: {}");
    refused({ model, pre_tokenizer: { ...split, behavior: "Kept" } }, 'pre_tokenizer Split with behavior "Kept"');
    refused({ model, pre_tokenizer: { type: "Metaspace", replacement: "ab" } }, "pre_tokenizer Metaspace with");
    refused({ model, post_processor: { type: "New" } }, 'post_processor "New" is not supported');
    refused({ model, post_processor: { type: "BertProcessing" } }, "post_processor BertProcessing has no id at cls");
    const template = { type: "TemplateProcessing", single: [], pair: [] };
    refused({ model, post_processor: template }, "post_processor TemplateProcessing needs each text once");
    refused({ model, post_processor: { ...template, single: 1 } }, "post_processor TemplateProcessing has no list");
    const absent = { ...template, single: [{ SpecialToken: { id: "[CLS]" } }] };
    refused({ model, post_processor: absent }, "post_processor TemplateProcessing has no ids for");
    refused({ model, added_tokens: {} }, "added_tokens is no list");
    refused({ model, added_tokens: [{ content: "x" }] }, "added_tokens[0] is no text with an id");
  });
});
