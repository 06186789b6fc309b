import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { tokenizerFromFiles } from "../../lib/data/mod.ts";

type Encoding = readonly [ids: number[], types: string];

interface Fixture {
  texts: string[];
  /** First text, second text, most tokens. */
  pairs: [string, string, number][];
  folders: { files: Record<string, string>; single: Encoding[]; pairs: Encoding[] }[];
}

// Made by `python tests/fixtures/tokenizer_precedence.py`.
const file = await Deno.open(new URL("../fixtures/tokenizer_precedence.json.gz", import.meta.url));
const fixture: Fixture = await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).json();

describe("tokenizerFromFiles() where files contradict each other", () => {
  it("lets those win that win in AutoTokenizer, in 150 folders", () => {
    expect(fixture.folders.length).toBe(150);
    for (const { files, single, pairs } of fixture.folders) {
      const encoder = new TextEncoder();
      const bytes = Object.entries(files).map(([name, content]) => [name, encoder.encode(content)]);
      const tokenizer = tokenizerFromFiles(Object.fromEntries(bytes));
      const encode = (text: string, text2?: string, maxLength?: number): Encoding => {
        const { ids, typeIds } = tokenizer.encode(text, text2, maxLength === undefined ? {} : { maxLength });
        return [ids, typeIds.join("")];
      };
      const got = {
        single: fixture.texts.map((text) => encode(text)),
        pairs: fixture.pairs.map(([first, second, maxLength]) => encode(first, second, maxLength)),
      };
      expect({ files, ...got }).toEqual({ files, single, pairs });
    }
  });
});
