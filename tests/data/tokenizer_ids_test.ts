import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { type Tokenizer, tokenizerFromFiles, tokenizerFromJson, type TokenizerJson } from "../../lib/data/mod.ts";
import { hasSharedData, readSharedText } from "./shared_data.ts";

interface Ids {
  /** Of each text. */
  single: number[][];
  /** Of each pair: ids, and types as one digit each. */
  pairs: [number[], string][];
}

interface Fixture {
  texts: string[];
  /** First text, second text, most tokens. */
  pairs: [string, string, number][];
  tokenizers: Record<string, Ids & { json: TokenizerJson }>;
}

async function readFixture<T>(name: string): Promise<T> {
  const file = await Deno.open(new URL(`../fixtures/${name}.json.gz`, import.meta.url));
  return await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).json();
}

// Made by `python tests/fixtures/tokenizer_ids.py DATA`.
const fixture: Fixture = await readFixture("tokenizer_ids");
const shared: Record<string, Ids> = await readFixture("tokenizer_ids_shared");

function expectSame(tokenizer: Tokenizer, expected: Ids): void {
  const differing = fixture.texts.filter((text, i) => {
    const { ids, typeIds } = tokenizer.encode(text);
    return ids.join() !== expected.single[i].join() || typeIds.length !== ids.length;
  });
  expect(differing).toEqual([]);
  const pairs = fixture.pairs.map(([first, second, maxLength]) => {
    const { ids, typeIds } = tokenizer.encode(first, second, { maxLength });
    return [ids, typeIds.join("")];
  });
  expect(pairs).toEqual(expected.pairs);
}

const bytes = (text: string) => new TextEncoder().encode(text);
const jsonBytes = (value: unknown) => bytes(JSON.stringify(value));

describe("tokenizerFromJson() on 500 awkward texts", () => {
  it("has them all", () => expect([new Set(fixture.texts).size > 480, fixture.texts.length]).toEqual([true, 500]));

  for (const [name, { json, ...ids }] of Object.entries(fixture.tokenizers)) {
    it(`gives the ids and cut pairs of Hugging Face's tokenizers: ${name}`, () => {
      expectSame(tokenizerFromJson(json), ids);
    });
  }

  it("knows the special tokens of each layout", () => {
    const ids = ({ padId, unknownId, clsId, sepId, maskId }: Tokenizer) => [padId, unknownId, clsId, sepId, maskId];
    const of = (name: string) => tokenizerFromJson(fixture.tokenizers[name].json);
    expect(ids(of("bert"))).toEqual([0, 1, 2, 3, 4]);
    expect(ids(of("roberta"))).toEqual([1, 3, 0, 2, 4]);
    expect(ids(of("split"))).toEqual([0, 0, undefined, undefined, undefined]);
    const config = { pad_token: "a", mask_token: { content: "b" } };
    const { padId, maskId } = tokenizerFromJson({ model: { vocab: { "[UNK]": 0, a: 7, b: 8 } } }, config);
    expect([padId, maskId]).toEqual([7, 8]);
  });

  it("takes a lone surrogate for U+FFFD", () => {
    const tokenizer = tokenizerFromJson(fixture.tokenizers.roberta.json);
    expect(tokenizer.encode("a\ud800b")).toEqual(tokenizer.encode("a\ufffdb"));
  });
});

/** The older files themselves do not say that RoBERTa's mask takes the space before it. */
const MASK = jsonBytes({ mask_token: { content: "<mask>", lstrip: true, normalized: false } });

describe("tokenizerFromFiles() on 500 awkward texts", () => {
  /** RoBERTa's vocabulary and merges in their older files. */
  const bytePairs = (vocab: unknown, merges: string[]) => ({
    "vocab.json": jsonBytes(vocab),
    "merges.txt": bytes(["#version: 0.2", ...merges, ""].join("\n")),
    "special_tokens_map.json": MASK,
  });

  it("gives the same ids from vocab.json with merges.txt, with a space before or without", () => {
    for (const [name, add_prefix_space] of [["roberta", false], ["robertaPrefix", true]] as const) {
      const { json, ...ids } = fixture.tokenizers[name];
      const merges = (json.model.merges as [string, string][]).map((pair) => pair.join(" "));
      const files = {
        ...bytePairs(json.model.vocab, merges),
        "tokenizer_config.json": jsonBytes({ add_prefix_space }),
      };
      expectSame(tokenizerFromFiles(files), ids);
    }
  });

  it("prefers tokenizer.json, and takes names of special tokens from tokenizer_config.json", () => {
    const { json } = fixture.tokenizers.bert;
    const files = { "tokenizer.json": jsonBytes(json), "vocab.txt": bytes("x") };
    expect(tokenizerFromFiles(files).maskId).toBe(4);
    const config = jsonBytes({ mask_token: "[SEP]" });
    expect(tokenizerFromFiles({ ...files, "tokenizer_config.json": config }).maskId).toBe(3);
  });

  it("takes case, accents and ideographs as tokenizer_config.json says", () => {
    const vocab = bytes("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nÉ\né\ne\n中\n中中\r\n");
    const encode = (config: unknown, text: string) =>
      tokenizerFromFiles({ "vocab.txt": vocab, "tokenizer_config.json": jsonBytes(config) }).encode(text).ids.slice(
        1,
        -1,
      );
    expect(encode({}, "É")).toEqual([7]);
    expect(encode({ do_lower_case: false }, "É")).toEqual([5]);
    expect(encode({ strip_accents: false }, "É")).toEqual([6]);
    expect(encode({}, "中中")).toEqual([8, 8]);
    expect(encode({ tokenize_chinese_chars: false }, "中中")).toEqual([9]);
  });

  const inShared = (name: string, paths: string[], make: (texts: string[]) => Tokenizer) => {
    const there = paths.every((path) => hasSharedData(`tokenizers/${path}`));
    (there ? it : it.skip)(`gives the ids of ${name}${there ? "" : " (skipped: no file)"}`, async () => {
      const texts = await Promise.all(paths.map((path) => readSharedText(`tokenizers/${path}`)));
      expectSame(make(texts), shared[name]);
    });
  };
  inShared(
    "bert-base-uncased",
    ["bert-base-uncased/vocab.txt.gz"],
    ([vocab]) => tokenizerFromFiles({ "vocab.txt": bytes(vocab) }),
  );
  inShared(
    "roberta-base",
    ["roberta-base/vocab.json.gz", "roberta-base/merges.txt.gz"],
    ([vocab, merges]) =>
      tokenizerFromFiles({ "vocab.json": bytes(vocab), "merges.txt": bytes(merges), "special_tokens_map.json": MASK }),
  );
  // GPT-2's models take no types; the fixture has those of its tokenizer.
  const types = jsonBytes({ model_input_names: ["input_ids", "token_type_ids"] });
  inShared(
    "gpt2",
    ["gpt2/encoder.json.gz", "gpt2/vocab.bpe.gz"],
    ([vocab, merges]) =>
      tokenizerFromFiles({ "vocab.json": bytes(vocab), "merges.txt": bytes(merges), "tokenizer_config.json": types }),
  );
});
