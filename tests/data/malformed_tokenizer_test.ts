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

  it("refuse classes, models and files that are not known by name", () => {
    const refused = (files: Record<string, unknown>, message: string) => {
      const all = Object.entries(files).map(([name, value]) => [name, bytes(JSON.stringify(value))]);
      expect(() => tokenizerFromFiles({ ...Object.fromEntries(all), "spm.model": Uint8Array.fromBase64(fixture.spm) }))
        .toThrow(message);
    };
    refused(
      { "tokenizer_config.json": { tokenizer_class: "T5Tokenizer" } },
      'cannot read tokenizer_config.json: tokenizer_class "T5Tokenizer" is not supported',
    );
    refused(
      { "config.json": { model_type: "albert" } },
      'cannot read config.json: the tokenizer of model_type "albert" is not supported',
    );
    refused(
      { "tokenizer_config.json": { fast_tokenizer_files: ["tokenizer.4.0.0.json"] } },
      "cannot read tokenizer_config.json: fast_tokenizer_files is not supported",
    );
    refused(
      { "config.json": { model_type: "xlm-roberta" } },
      "for its class XLMRobertaTokenizer there is no tokenizer.json",
    );
    refused(
      { "config.json": { model_type: "bert" } },
      "for its class BertTokenizer there is no tokenizer.json, nor vocab.txt",
    );
  });

  it("refuse tokens that are none by file and key", () => {
    const json = bytes(JSON.stringify(fixture.tokenizers.bert.json));
    const refused = (files: Record<string, unknown>, message: string) => {
      const all = Object.entries(files).map(([name, value]) => [name, bytes(JSON.stringify(value))]);
      expect(() => tokenizerFromFiles({ ...Object.fromEntries(all), "tokenizer.json": json })).toThrow(message);
    };
    refused(
      { "tokenizer_config.json": { pad_token: 3 } },
      "cannot read tokenizer_config.json: pad_token is no token: 3",
    );
    refused(
      { "special_tokens_map.json": { sep_token: [] } },
      "cannot read special_tokens_map.json: sep_token is no token: []",
    );
    refused({ "added_tokens.json": { x: "y" } }, 'cannot read added_tokens.json: "x" has no id: "y"');
    refused(
      { "tokenizer_config.json": { added_tokens_decoder: { 9: { content: "x", lstrip: 1 } } } },
      "cannot read tokenizer_config.json: added_tokens_decoder[9] has neither true nor false at lstrip: 1",
    );
    refused(
      { "tokenizer_config.json": { truncation_side: "up" } },
      'cannot read tokenizer_config.json: truncation_side is neither left nor right: "up"',
    );
    refused(
      { "tokenizer_config.json": { model_input_names: "x" } },
      'cannot read tokenizer_config.json: model_input_names is no list: "x"',
    );
  });
});
