import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { normalizerOf } from "../../lib/data/tokenizer/normalizer.ts";
import type { Part } from "../../lib/data/tokenizer/part.ts";
import { preTokenizerOf } from "../../lib/data/tokenizer/pre_tokenizer.ts";

interface Fixture {
  texts: string[];
  /** Pattern, behaviour, inversion, and the words of each text: nothing where the reference refuses the pattern. */
  splits: [
    pattern: Record<string, string>,
    behavior: keyof typeof BEHAVIORS,
    invert: boolean,
    words: string[][] | null,
  ][];
  /** First code points of 1,024 each. */
  rows: number[];
  young: number[];
  /** Six hexadecimal digits of a hash for each row. */
  parts: [part: Part, hashes: string][];
}

const BEHAVIORS = {
  removed: "Removed",
  merged_with_previous: "MergedWithPrevious",
  merged_with_next: "MergedWithNext",
  contiguous: "Contiguous",
  isolated: "Isolated",
} as const;

/** What the reference does and we refuse by name. */
const REFUSED = ["\\R", "\\X", "\\K", "a{1,2}+", "a{2}?", "a**", "\\pL", "(a)\\1", "(?m:.+)", "(?x: a b )"];
const REFUSED_WITHOUT_CASE = ["(?i:ß)", "(?i:ss)", "(?i:\\p{Lu})"];

// Made by `python tests/fixtures/tokenizer_parts.py`.
const file = await Deno.open(new URL("../fixtures/tokenizer_parts.json.gz", import.meta.url));
const fixture: Fixture = await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).json();

describe("Split", () => {
  it("cuts texts as the reference at every pattern, or refuses it by name", () => {
    const refused: string[] = [];
    for (const [pattern, behavior, invert, words] of fixture.splits) {
      const part = { type: "Split", pattern, behavior: BEHAVIORS[behavior], invert };
      let cut;
      try {
        cut = preTokenizerOf(part);
      } catch (error) {
        expect((error as Error).message).toContain(`in the regular expression ${JSON.stringify(pattern.Regex)}`);
        if (words !== null) refused.push(pattern.Regex);
        continue;
      }
      const got = fixture.texts.map((text) => cut(text, true).words);
      expect([pattern, behavior, invert, got]).toEqual([pattern, behavior, invert, words]);
    }
    expect(refused).toEqual([...REFUSED, ...REFUSED_WITHOUT_CASE]);
  });
});

describe("parts of a tokenizer.json on every character", () => {
  const normalizers = "NFC NFD NFKC NFKD Lowercase StripAccents Nmt ByteLevel BertNormalizer Strip".split(" ");
  const young = new Set(fixture.young);

  /** What a part does to a character between others, as one text. */
  function resultsOf(part: Part, isNormalizer: boolean): (character: string) => string {
    if (isNormalizer) {
      const { normalize } = normalizerOf(part);
      return (c) => [c, `e${c}\u0323`, `e${c}\u0301`].map(normalize).join("\n");
    }
    const cut = preTokenizerOf(part);
    return (c) => [`a${c}b`, `\n${c}\n`].map((text) => cut(text, true).words.join("\0")).join("\n");
  }

  let isFirstByteLevel = true;
  for (const [part, hashes] of fixture.parts) {
    // ByteLevel is a normalizer first, and then a pre-tokenizer.
    const isNormalizer = normalizers.includes(part.type as string) && (part.type !== "ByteLevel" || isFirstByteLevel);
    if (part.type === "ByteLevel") isFirstByteLevel = false;
    it(`do what the reference does: ${JSON.stringify(part)}`, async () => {
      const results = resultsOf(part, isNormalizer);
      const differing: string[] = [];
      for (const [i, row] of fixture.rows.entries()) {
        const found: string[] = [];
        for (let code = row; code < row + 1024; code++) {
          if (!young.has(code)) found.push(results(String.fromCodePoint(code)));
        }
        const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(found.join("\x01")));
        if (new Uint8Array(digest, 0, 3).toHex() !== hashes.slice(6 * i, 6 * i + 6)) differing.push(row.toString(16));
      }
      expect(differing).toEqual([]);
    });
  }
});
