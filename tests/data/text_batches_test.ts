import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import fc from "fast-check";
import {
  encodeCompletions,
  type EncodedTexts,
  encodePrompts,
  encodeSourceTarget,
  packTexts,
  pairBatches,
  textBatches,
  tokenizerFromJson,
  trainByteLevel,
  trainPairBatches,
  trainTextBatches,
  wordPiece,
} from "../../lib/data/mod.ts";

const json = trainByteLevel([], { vocabSize: 258, specialTokens: ["<s>", "</s>"] });
const template = {
  type: "TemplateProcessing",
  single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
  pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 0 } }],
  special_tokens: { "<s>": { id: "<s>", ids: [0], tokens: ["<s>"] } },
};
const config = { eos_token: "</s>", bos_token: "<s>", pad_token: "</s>" };
/** Letters are tokens: one puts nothing before a text, the other `<s>`. */
const plain = tokenizerFromJson(json, config);
const tokenizer = tokenizerFromJson({ ...json, post_processor: template }, config);
const idOf = (letter: string) => plain.encode(letter).ids[0];
const [a, b, c, d] = [..."abcd"].map(idOf);

const texts = (lengths: readonly number[], learned = 1): EncodedTexts => ({
  examples: lengths.map((length, i) => {
    const ids = Array.from({ length }, (_, t) => 100 * (i + 1) + t);
    return { ids, labels: ids.map((_, t) => t >= length - 1 - learned && t < length - 1 ? ids[t + 1] : -100) };
  }),
  length: Math.max(...lengths),
  padId: 9,
  isPacked: false,
  cut: 0,
  dropped: 0,
});

describe("encodeCompletions()", () => {
  const pairs = [{ source: "ab", target: "cd" }];

  it("learns the completion and its end alone, and has labels that are shifted already", () => {
    const { examples, length, padId } = encodeCompletions(pairs, tokenizer);
    expect(examples).toEqual([{ ids: [0, a, b, c, d, 1], labels: [-100, -100, c, d, 1, -100] }]);
    expect([length, padId]).toEqual([8, 1]);
  });

  it("lays texts out as the LoRA paper's code does", () => {
    const given = [{ source: "ab", target: " c" }];
    const { examples } = encodeCompletions(given, plain, { separator: [1] });
    const space = idOf(" ");
    expect(examples).toEqual([{ ids: [a, b, 1, space, c, 1], labels: [-100, -100, space, c, 1, -100] }]);
  });

  it("cuts the end, or the beginning of the prompt, and counts what it cut and dropped", () => {
    const given = [{ source: "abcd", target: "cd" }, { source: "a", target: "b" }, { source: "abababab", target: "c" }];
    const atEnd = encodeCompletions(given, tokenizer, { maxLength: 6 });
    expect(atEnd.examples.map(({ ids }) => ids)).toEqual([[0, a, b, c, d, c], [0, a, b, 1]]);
    expect([atEnd.cut, atEnd.dropped, atEnd.length]).toEqual([2, 1, 6]);
    const ofPrompt = encodeCompletions(given, tokenizer, { maxLength: 4, truncation: "prompt" });
    expect(ofPrompt.examples.map(({ ids }) => ids)).toEqual([[d, c, d, 1], [0, a, b, 1], [a, b, c, 1]]);
    expect(ofPrompt.examples[0].labels).toEqual([c, d, 1, -100]);
    const long = encodeCompletions([{ source: "a", target: "bcdbcd" }], plain, { maxLength: 3, truncation: "prompt" });
    expect(long.examples).toEqual([{ ids: [a, b, c], labels: [b, c, -100] }]);
    expect(() => encodeCompletions(given, tokenizer, { maxLength: 4, truncation: "error" })).toThrow(
      "Cannot encode example 0 as it has 8 tokens, and at most 4 may be",
    );
  });

  it("refuses an empty prompt by the example, a tokenizer without an end, and lengths without room", () => {
    const given = [...pairs, { source: "", target: "c" }];
    expect(() => encodeCompletions(given, plain)).toThrow("Cannot encode example 1 as its prompt is empty");
    expect(encodeCompletions(given, tokenizer).examples.length).toBe(2);
    const endless = tokenizerFromJson(json);
    expect(() => encodeCompletions(pairs, endless)).toThrow("the tokenizer's files name no eos_token");
    expect(encodeCompletions(pairs, endless, { end: [1] }).examples.length).toBe(1);
    expect(() => encodeCompletions(pairs, tokenizer, { maxLength: 1 })).toThrow("a whole number from 2: 1");
    expect(() => encodeCompletions(pairs, tokenizer, { maxLength: 3 })).toThrow(
      "Cannot encode 1 text as nothing that is learned fits into 3 tokens",
    );
  });
});

describe("encodePrompts()", () => {
  it("gives what stands before a completion, and refuses an empty prompt by its number", () => {
    expect(encodePrompts(["ab", ""], tokenizer, { separator: [1] })).toEqual([[0, a, b, 1], [0, 1]]);
    expect(() => encodePrompts(["ab", ""], plain)).toThrow("Cannot encode prompt 1 as it is empty");
  });
});

describe("textBatches()", () => {
  it("pads at either end, counts places from each text's first token, and fills the last batch up", () => {
    const encoded = texts([3, 2, 1]);
    const [first, last] = textBatches(encoded, { batchSize: 2 });
    expect([...first.inputIds]).toEqual([100, 101, 102, 200, 201, 9]);
    expect([...first.attentionMask]).toEqual([1, 1, 1, 1, 1, 0]);
    expect([...first.positionIds]).toEqual([0, 1, 2, 0, 1, 0]);
    expect([...first.labels]).toEqual([-100, 102, -100, 201, -100, -100]);
    expect([...last.inputIds]).toEqual([300, 9, 9, 300, 9, 9]);
    expect([first.shape, first.segmentIds, first.positions]).toEqual([[2, 3], undefined, undefined]);
    const [left] = textBatches(encoded, { batchSize: 2, side: "left" });
    expect([...left.inputIds]).toEqual([100, 101, 102, 9, 200, 201]);
    expect([...left.attentionMask]).toEqual([1, 1, 1, 0, 1, 1]);
    expect([...left.positionIds]).toEqual([0, 1, 2, 0, 0, 1]);
    expect([...left.labels]).toEqual([-100, 102, -100, -100, 201, -100]);
  });

  it("asks nothing in the copies that fill the last batch", () => {
    const [batch] = textBatches(texts([3]), { batchSize: 3 });
    expect([...batch.inputIds]).toEqual([100, 101, 102, 100, 101, 102, 100, 101, 102]);
    expect([...batch.labels].filter((label) => label !== -100)).toEqual([102]);
  });

  it("names the places of labels, in one shape for all batches", () => {
    const encoded = texts([4, 3, 4], 2);
    const [first, last] = textBatches(encoded, { batchSize: 2, places: "learned" });
    expect([[...first.positions!], [...first.labels]]).toEqual([[1, 2, 4, 5], [102, 103, 201, 202]]);
    expect([[...last.positions!], [...last.labels]]).toEqual([[1, 2, 0, 0], [302, 303, -100, -100]]);
  });

  it("pads to buckets where that is asked", () => {
    const encoded = texts([3, 9, 20]);
    const shapes = textBatches(encoded, { batchSize: 1, padding: "bucket" }).map(({ shape }) => shape[1]);
    expect(shapes).toEqual([16, 16, 20]);
  });

  it("refuses a batch size that is none", () => {
    expect(() => textBatches(texts([2]), { batchSize: 0 })).toThrow("batchSize must be a positive integer: 0");
  });
});

describe("trainTextBatches()", () => {
  it("brings every text once a pass, as a pure function of the number", () => {
    const encoded = texts([2, 3, 4, 5, 6]);
    const batches = trainTextBatches(encoded, { batchSize: 5, seed: 3 });
    const firsts = (index: number) => {
      const { inputIds, shape: [rows, length] } = batches.at(index);
      return Array.from({ length: rows }, (_, row) => inputIds[row * length]);
    };
    for (const index of [0, 1, 7]) expect(firsts(index).sort()).toEqual([100, 200, 300, 400, 500]);
    expect(firsts(1)).toEqual(firsts(1));
    const iterator = trainTextBatches(encoded, { batchSize: 5, seed: 3, start: 7 })[Symbol.iterator]();
    expect(iterator.next().value).toEqual(batches.at(7));
    expect(() => batches.at(-1)).toThrow("its index must be an integer from 0: -1");
    expect(() => trainTextBatches({ ...encoded, examples: [] }, { batchSize: 1, seed: 1 })).toThrow(
      "there are no texts",
    );
  });
});

describe("packTexts()", () => {
  it("keeps every text whole and each label, and fills rows better than one text each", () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 2, max: 20 }), { minLength: 1, maxLength: 40 }), (lengths) => {
      const encoded = texts(lengths);
      const packed = packTexts(encoded, { length: 24 });
      const found: number[][] = [];
      for (const { ids, labels, segments } of packed.examples) {
        expect(ids.length).toBeLessThanOrEqual(24);
        for (const [i, id] of ids.entries()) {
          if (i === 0 || segments![i] !== segments![i - 1]) found.push([]);
          found.at(-1)!.push(id);
          // A label is the next token of the same text.
          if (labels[i] !== -100) expect([labels[i], segments![i]]).toEqual([ids[i + 1], segments![i + 1]]);
        }
      }
      const byFirst = (x: number[], y: number[]) => x[0] - y[0];
      expect(found.sort(byFirst)).toEqual(encoded.examples.map(({ ids }) => [...ids]));
      const count = (all: EncodedTexts) =>
        all.examples.flatMap(({ labels }) => labels.filter((l) => l !== -100)).length;
      expect(count(packed)).toBe(count(encoded));
      // No two rows are left that would fit into one.
      const [least, next = 24] = packed.examples.map(({ ids }) => ids.length).sort((x, y) => x - y);
      expect(least + next).toBeGreaterThan(packed.examples.length > 1 ? 24 : 0);
    }));
  });

  it("gives batches with the text and the place of each token", () => {
    const packed = packTexts(texts([3, 2, 4]), { length: 8 });
    const [first, second] = textBatches(packed, { batchSize: 1 });
    expect([...first.inputIds]).toEqual([100, 101, 102, 300, 301, 302, 303, 9]);
    expect([...first.segmentIds!]).toEqual([0, 0, 0, 1, 1, 1, 1, 1]);
    expect([...first.positionIds]).toEqual([0, 1, 2, 0, 1, 2, 3, 0]);
    expect([...first.labels]).toEqual([-100, 102, -100, -100, -100, 303, -100, -100]);
    expect([...second.inputIds.slice(0, 3)]).toEqual([200, 201, 9]);
  });

  it("refuses rows that are packed, and texts that no row has room for", () => {
    const encoded = texts([3, 5]);
    expect(() => packTexts(packTexts(encoded))).toThrow("they are packed already");
    expect(() => packTexts(encoded, { length: 4 })).toThrow("rows of 4 tokens as example 1 has 5");
  });
});

describe("encodeSourceTarget()", () => {
  const words = wordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "rain", "falls", "today"]);
  const pairs = [{ source: "rain falls today", target: "rain" }, { source: "rain", target: "rain falls" }];

  it("gives the decoder its first token and the target, and asks for the target", () => {
    const encoded = encodeSourceTarget(pairs, words, { startId: 3 });
    expect(encoded).toMatchObject({ lengths: { source: 8, target: 8 }, padId: 0, startId: 3, cut: 0 });
    const [batch] = pairBatches({ ...encoded, lengths: { source: 5, target: 4 } }, { batchSize: 3 });
    expect([...batch.inputIds]).toEqual([2, 5, 6, 7, 3, 2, 5, 3, 0, 0, 2, 5, 3, 0, 0]);
    expect([...batch.attentionMask]).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0]);
    expect([...batch.decoderInputIds]).toEqual([3, 2, 5, 0, 3, 2, 5, 6, 3, 2, 5, 6]);
    expect([...batch.decoderAttentionMask]).toEqual([1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
    expect([...batch.labels]).toEqual([2, 5, 3, -100, 2, 5, 6, 3, -100, -100, -100, -100]);
  });

  it("cuts long texts between their special tokens, and counts them", () => {
    const { examples, lengths, cut } = encodeSourceTarget(pairs, words, { startId: 3, maxSource: 4, maxTarget: 3 });
    expect(examples).toEqual([{ source: [2, 5, 6, 3], target: [2, 5, 3] }, { source: [2, 5, 3], target: [2, 5, 3] }]);
    expect([lengths, cut]).toEqual([{ source: 4, target: 3 }, 2]);
  });

  it("brings every pair once a pass, and refuses an empty source by its number", () => {
    const encoded = encodeSourceTarget(pairs, words, { startId: 3 });
    const { inputIds } = trainPairBatches(encoded, { batchSize: 2, seed: 1 }).at(4);
    expect([inputIds.slice(0, 8), inputIds.slice(8)].map((row) => row.filter((id) => id > 0).length).sort()).toEqual([
      3,
      5,
    ]);
    expect(() => encodeSourceTarget([{ source: " ", target: "a" }], words, { startId: 3 })).toThrow(
      "Cannot encode example 0 as its source is empty",
    );
  });
});
