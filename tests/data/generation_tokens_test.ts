import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import {
  type Tokenizer,
  tokenizerFromFiles,
  tokenizerFromJson,
  type TokenizerJson,
  trainByteLevel,
} from "../../lib/data/mod.ts";
import { streamText } from "../../lib/generate/mod.ts";
import { hasSharedData, readSharedText } from "./shared_data.ts";

interface Folder {
  /** Ids of texts, and drawn ones. */
  rows: number[][];
  /** Of each row: without special tokens, with them, and without them, cleaned up. */
  decoded: [string, string, string][];
  ids: Record<"bosId" | "eosId" | "padId", number | null>;
  /** Contents by name, and ids of the texts; of folders that are not in tokenizer_folders.json.gz. */
  files?: Record<string, string>;
  encoded?: number[][];
}

interface Fixture {
  texts: string[];
  corpus: string[];
  vocabularies: {
    options: { size: number; min_frequency?: number; special?: string[] };
    json: TokenizerJson & { model: Record<string, unknown> };
    vocab: string[];
  }[];
  folders: Record<string, Folder>;
}

async function readFixture<T>(name: string): Promise<T> {
  const file = await Deno.open(new URL(`../fixtures/${name}.json.gz`, import.meta.url));
  return await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).json();
}

// Made by `python tests/fixtures/generation_tokens.py`.
const fixture: Fixture = await readFixture("generation_tokens");
const { folders: others } = await readFixture<{ folders: Record<string, { files: Record<string, string> }> }>(
  "tokenizer_folders",
);

function tokenizerOf(name: string, { files }: Folder): Tokenizer {
  const contents = Object.entries(files ?? others[name].files).map(([file, content]) => [
    file,
    file === "spm.model" ? Uint8Array.fromBase64(content) : new TextEncoder().encode(content),
  ]);
  return tokenizerFromFiles(Object.fromEntries(contents));
}

/** The text as it comes, token by token, joined. */
const streamed = async (tokenizer: Tokenizer, ids: readonly number[], skipSpecial: boolean) =>
  (await Array.fromAsync(streamText(ids, (some) => tokenizer.decode(some, { skipSpecial })))).join("");

describe("Tokenizer.decode()", () => {
  it("is held to AutoTokenizer in 44 folders", () => expect(Object.keys(fixture.folders).length).toBe(44));

  for (const [name, folder] of Object.entries(fixture.folders)) {
    it(`gives the text of transformers, special tokens or not, cleaned up or not: ${name}`, () => {
      const tokenizer = tokenizerOf(name, folder);
      for (const [i, ids] of folder.rows.entries()) {
        const [plain, all, cleaned] = folder.decoded[i];
        expect([ids, tokenizer.decode(ids, { cleanUp: false })]).toEqual([ids, plain]);
        expect([ids, tokenizer.decode(ids, { skipSpecial: false })]).toEqual([ids, all]);
        expect([ids, tokenizer.decode(ids)]).toEqual([ids, plain]);
        // Transformers leaves the spaces of byte-pair pieces alone, whatever is asked of it.
        const isPlain = plain === cleaned;
        expect([ids, isPlain ? plain : tokenizer.decode(ids, { cleanUp: true })]).toEqual([ids, cleaned]);
      }
    });

    it(`gives the same text token by token: ${name}`, async () => {
      const tokenizer = tokenizerOf(name, folder);
      for (const [i, ids] of folder.rows.entries()) {
        const [plain, all] = folder.decoded[i];
        // Bytes in a row that are no UTF-8 as a whole are all lost, of which a stream knows too late.
        if (/llama2|Llama/.test(name) && all.includes("\ufffd")) continue;
        expect([ids, await streamed(tokenizer, ids, true)]).toEqual([ids, plain]);
        expect([ids, await streamed(tokenizer, ids, false)]).toEqual([ids, all]);
      }
    });
  }

  for (const [name, folder] of Object.entries(fixture.folders)) {
    if (!folder.encoded) continue;
    it(`reads the texts, and knows the ends, of ${name}`, () => {
      const tokenizer = tokenizerOf(name, folder);
      const different = fixture.texts.filter((text, i) =>
        tokenizer.encode(text).ids.join() !== folder.encoded![i].join()
      );
      expect(different).toEqual([]);
      for (const [key, id] of Object.entries(folder.ids)) {
        if (id !== null) expect([key, Reflect.get(tokenizer, key)]).toEqual([key, id]);
      }
    });
  }

  it("reads a text that says a special token, and puts none around it where that is asked", () => {
    const tokenizer = tokenizerOf("generating: llama3", fixture.folders["generating: llama3"]);
    const { ids } = tokenizer.encode("a<|eot_id|>b");
    expect(tokenizer.encode("a<|eot_id|>b", undefined, { addSpecial: false }).ids).toEqual(ids.slice(1));
    expect([ids[0], ids[2]]).toEqual([tokenizer.bosId, tokenizer.eosId]);
    expect(tokenizer.decode(ids)).toBe("ab");
  });

  it("refuses a decoder that is not known when it is asked for, and encodes all the same", () => {
    const json = trainByteLevel([], { vocabSize: 257 });
    const tokenizer = tokenizerFromJson({ ...json, decoder: { type: "CTC" } });
    expect(tokenizer.encode("a").ids.length).toBe(1);
    expect(() => tokenizer.decode([1])).toThrow('Cannot decode ids as decoder "CTC" is not supported');
    const strip = tokenizerFromJson({ ...json, decoder: { type: "Strip", content: "a", start: -1 } });
    expect(() => strip.decode([1])).toThrow("Strip has no count at start: -1");
  });

  const there = hasSharedData("tokenizers/gpt2");
  (there ? it : it.skip)(`gives texts back with GPT-2's vocabulary${there ? "" : " (skipped: no files)"}`, async () => {
    const [vocab, merges] = await Promise.all(
      ["encoder.json", "vocab.bpe"].map((name) => readSharedText(`tokenizers/gpt2/${name}.gz`)),
    );
    const bytes = (text: string) => new TextEncoder().encode(text);
    const tokenizer = tokenizerFromFiles({ "vocab.json": bytes(vocab), "merges.txt": bytes(merges) });
    expect(tokenizer.decode([15496, 11, 995, 0, 50256])).toBe("Hello, world!");
    expect([tokenizer.bosId, tokenizer.eosId]).toEqual([50256, 50256]);
    for (const text of fixture.texts) {
      const { ids } = tokenizer.encode(text);
      // The end's own name is a token, which is left out.
      if (!text.includes("<|endoftext|>")) expect(tokenizer.decode(ids)).toBe(text.toWellFormed());
      expect(await streamed(tokenizer, ids, false)).toBe(text.toWellFormed());
    }
  });
});

describe("streamText() of a byte-level tokenizer", () => {
  const tokenizer = tokenizerFromJson(trainByteLevel([], { vocabSize: 257 }));
  const pieces = (ids: readonly number[]) => Array.fromAsync(streamText(ids, (some) => tokenizer.decode(some)));

  it("holds a character back until its bytes are there", async () => {
    expect(await pieces(tokenizer.encode("é😀.").ids)).toEqual(["é", "😀", "."]);
  });

  it("gives U+FFFD for bytes that never become a character, when that is known", async () => {
    const [first, second] = tokenizer.encode("é").ids;
    const [letter] = tokenizer.encode("a").ids;
    expect(await pieces([first, letter, second, first])).toEqual(["\ufffda", "\ufffd\ufffd"]);
  });
});

describe("trainByteLevel()", () => {
  for (const { options: { size, min_frequency, special }, json, vocab } of fixture.vocabularies) {
    it(`learns what BpeTrainer of Hugging Face's tokenizers learns, to ${size} pieces`, () => {
      const options = { vocabSize: size, minFrequency: min_frequency, specialTokens: special };
      const { model, ...parts } = trainByteLevel(fixture.corpus, options);
      const { model: wantedModel, ...wanted } = json;
      // Keys that are digits come first in an object.
      const byId = Object.entries<number>(Object(model.vocab)).sort(([, a], [, b]) => a - b);
      expect(byId).toEqual(vocab.map((piece, id) => [piece, id]));
      expect({ ...model, vocab: {} }).toEqual({ ...wantedModel, vocab: {} });
      expect(parts).toEqual(wanted);
    });
  }

  it("is the same for the same texts, and gives them back", () => {
    const json = trainByteLevel(fixture.corpus, { vocabSize: 500 });
    expect(trainByteLevel(fixture.corpus, { vocabSize: 500 })).toEqual(json);
    const tokenizer = tokenizerFromJson(json, { eos_token: "<|endoftext|>" });
    expect([tokenizer.vocabSize, tokenizer.eosId]).toEqual([500, 0]);
    for (const text of fixture.texts.filter((text) => !text.includes("<|endoftext|>"))) {
      expect(tokenizer.decode(tokenizer.encode(text).ids)).toBe(text.toWellFormed());
    }
  });

  it("gives a special token that is the character of a byte one id, as BpeTrainer does", () => {
    const { model, added_tokens } = trainByteLevel([], { vocabSize: 256, specialTokens: ["a", "Ġ"] });
    const vocab: Record<string, number> = Object(model.vocab);
    expect([vocab.a, vocab["Ġ"], Object.keys(vocab).length]).toEqual([0, 1, 256]);
    expect(Object.values(vocab).sort((x, y) => x - y)).toEqual([...Array(256).keys()]);
    expect(added_tokens).toMatchObject([{ id: 0, content: "a" }, { id: 1, content: "Ġ" }]);
  });

  it("refuses a size without room for all bytes, and special tokens that are none", () => {
    expect(() => trainByteLevel([], { vocabSize: 256 })).toThrow("of 256 pieces as bytes and special tokens are 257");
    expect(() => trainByteLevel([], { vocabSize: NaN })).toThrow(RangeError);
    for (const specialTokens of [["a", "a"], [""]]) {
      expect(() => trainByteLevel([], { specialTokens })).toThrow("special tokens must be texts of their own");
    }
  });
});
