import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import fc from "fast-check";
import { type TokenizerFiles, tokenizerFromFiles, type TokenizerJson } from "../../lib/data/mod.ts";

const file = await Deno.open(new URL("../fixtures/tokenizer_ids.json.gz", import.meta.url));
const fixture: { spm: string; tokenizers: Record<string, { json: TokenizerJson }> } = await new Response(
  file.readable.pipeThrough(new DecompressionStream("gzip")),
).json();

const bytes = (text: string) => new TextEncoder().encode(text);
const TEXTS = ["", "Hello, wörld 12!", "<mask> [MASK] \u0301 😀 中", "a".repeat(200)];

/** Makes a tokenizer and uses it, or is refused by an error that names the file. */
function check(files: TokenizerFiles): boolean {
  let tokenizer;
  try {
    tokenizer = tokenizerFromFiles(files, "folder/");
  } catch (error) {
    expect(error).toBeInstanceOf(SyntaxError);
    const names = Object.keys(files).map((name) => name.replaceAll(".", "\\.")).join("|");
    expect((error as Error).message).toMatch(new RegExp(`^cannot read folder/(${names}): `));
    expect((error as Error).message.length).toBeLessThan(500);
    return false;
  }
  for (const text of TEXTS) {
    const { ids, typeIds } = tokenizer.encode(text, text, { maxLength: 64 });
    expect(ids.length).toBe(typeIds.length);
    expect(ids.length).toBeLessThanOrEqual(64);
    expect(typeIds.every((id) => Number.isSafeInteger(id) && id >= 0)).toBe(true);
    expect(ids.every((id) => Number.isSafeInteger(id) && id >= 0)).toBe(true);
  }
  return true;
}

/** The paths of all values inside a value but for those of long lists, of which the first few are taken. */
function pathsOf(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== "object" || value === null) return [path];
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  const inner = keys.slice(0, 12).flatMap((key) => pathsOf((value as Record<string, unknown>)[key], [...path, key]));
  return [path, ...inner];
}

/** A copy with another value, or none, at a path. */
function changed(value: unknown, [key, ...rest]: (string | number)[], to: unknown): unknown {
  if (key === undefined) return to;
  const copy = (Array.isArray(value) ? [...value] : { ...value as object }) as Record<string, unknown>;
  const inner = changed(copy[key], rest, to);
  if (inner === undefined) delete copy[key];
  else copy[key] = inner;
  return copy;
}

describe("malformed tokenizer files", () => {
  for (const [name, { json }] of Object.entries(fixture.tokenizers)) {
    it(`are refused with their name or work, when any value is another: ${name}`, () => {
      expect(check({ "tokenizer.json": bytes(JSON.stringify(json)) })).toBe(true);
      const paths = pathsOf(json);
      const other = fc.oneof(
        fc.constantFrom<unknown>(
          undefined,
          null,
          true,
          "",
          "x",
          -1,
          0.5,
          1e9,
          2 ** 53,
          1e308,
          [],
          {},
          [null],
          [[]],
          "Sequence",
        ),
        fc.jsonValue({ maxDepth: 2 }),
      );
      fc.assert(
        fc.property(fc.constantFrom(...paths), other, (path, to) => {
          const text = JSON.stringify(changed(json, path, to)) ?? "";
          check({ "tokenizer.json": bytes(text) });
        }),
        { numRuns: 300 },
      );
    });
  }

  it("are refused with their name or work, when bytes are others, are missing or too many", () => {
    const { json } = fixture.tokenizers.roberta;
    const vocab = json.model.vocab as Record<string, number>;
    const small = Object.fromEntries(Object.entries(vocab).filter(([, id]) => id < 300));
    const merges = (json.model.merges as [string, string][]).filter((pair) => Object.hasOwn(small, pair.join("")));
    const good: TokenizerFiles[] = [
      { "spm.model": Uint8Array.fromBase64(fixture.spm) },
      { "vocab.txt": bytes("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\n##x\n") },
      {
        "vocab.json": bytes(JSON.stringify(small)),
        "merges.txt": bytes(["#version: 0.2", ...merges.map((pair) => pair.join(" ")), ""].join("\n")),
      },
      {
        "vocab.txt": bytes("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]"),
        "tokenizer_config.json": bytes('{"do_lower_case":false}'),
      },
    ];
    for (const files of good) {
      expect(check(files)).toBe(true);
      for (const [name, content] of Object.entries(files)) {
        const run = (at: number, cut: number, extra: Uint8Array) => {
          const mutated = Uint8Array.of(...content.subarray(0, at), ...extra, ...content.subarray(at + cut));
          check({ ...files, [name]: mutated });
        };
        const place = fc.oneof(fc.nat(content.length), fc.nat(Math.min(64, content.length)));
        fc.assert(fc.property(place, fc.nat(8), fc.uint8Array({ maxLength: 4 }), run), { numRuns: 200 });
      }
    }
  });

  it("are refused where parts lie in parts without end", () => {
    const [open, close] = ['{"type":"Sequence","normalizers":[', "]}"].map((part) => part.repeat(100_000));
    const model = '{"type":"WordPiece","vocab":{"[UNK]":0},"unk_token":"[UNK]"}';
    const json = bytes(`{"model":${model},"normalizer":${open}${close}}`);
    expect(() => tokenizerFromFiles({ "tokenizer.json": json })).toThrow(
      "cannot read tokenizer.json: it is nested too deep",
    );
  });

  it("say that there are none", () => {
    expect(() => tokenizerFromFiles({ "vocab.json": bytes("{}") })).toThrow(Deno.errors.NotFound);
    expect(() => tokenizerFromFiles({})).toThrow(
      "there is no tokenizer.json, vocab.txt, vocab.json with merges.txt, or",
    );
  });

  it("refuse SentencePiece models of others than DeBERTa by name", () => {
    const config = bytes('{"tokenizer_class":"T5Tokenizer"}');
    expect(() =>
      tokenizerFromFiles({ "spm.model": Uint8Array.fromBase64(fixture.spm), "tokenizer_config.json": config })
    )
      .toThrow("cannot read spm.model: a SentencePiece model of T5Tokenizer is not supported, only DeBERTa's");
  });
});
