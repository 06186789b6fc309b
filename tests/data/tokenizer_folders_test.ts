import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { type Tokenizer, tokenizerFromFiles } from "../../lib/data/mod.ts";

type Pair = readonly [ids: number[], types: string];

interface Folder {
  /** Contents by name; of a SentencePiece model in base 64. */
  files: Record<string, string>;
  side: "left" | "right";
  names: Record<string, number | null>;
  /** Tokens, added ones included. */
  length: number;
  limit: number | null;
  /** Ids and types of each text; types are empty where all are 0. */
  single: number[][];
  types: string[];
  /** Of each pair, by the side that loses tokens. */
  pairs: Record<"left" | "right", Pair[]>;
}

interface Fixture {
  texts: string[];
  /** First text, second text, most tokens. */
  pairs: [string, string, number][];
  folders: Record<string, Folder>;
}

// Made by `python tests/fixtures/tokenizer_folders.py`.
const file = await Deno.open(new URL("../fixtures/tokenizer_folders.json.gz", import.meta.url));
const fixture: Fixture = await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).json();

function filesOf({ files }: Folder, side?: string): Record<string, Uint8Array> {
  const made = Object.fromEntries(
    Object.entries(files).map(([name, content]) => [
      name,
      name === "spm.model" ? Uint8Array.fromBase64(content) : new TextEncoder().encode(content),
    ]),
  );
  if (side !== undefined) {
    const config = { ...JSON.parse(files["tokenizer_config.json"] ?? "{}"), truncation_side: side };
    made["tokenizer_config.json"] = new TextEncoder().encode(JSON.stringify(config));
  }
  return made;
}

const typesOf = (typeIds: readonly number[]) => typeIds.some((id) => id !== 0) ? typeIds.join("") : "";

/** The first text or pair that has other ids or types, and how many have. */
function firstFault(tokenizer: Tokenizer, { single, types, pairs }: Folder, side: "left" | "right"): unknown {
  const faults: unknown[] = [];
  const check = (given: unknown, { ids, typeIds }: { ids: number[]; typeIds: number[] }, [wanted, type]: Pair) => {
    if (ids.join() !== wanted.join() || typesOf(typeIds) !== type || typeIds.length !== ids.length) {
      faults.push({ given, got: [ids.join(" "), typesOf(typeIds)], wanted: [wanted.join(" "), type] });
    }
  };
  for (const [i, text] of fixture.texts.entries()) check(text, tokenizer.encode(text), [single[i], types[i]]);
  for (const [i, pair] of fixture.pairs.entries()) {
    const [first, second, maxLength] = pair;
    check(pair, tokenizer.encode(first, second, { maxLength }), pairs[side][i]);
  }
  return faults.length === 0 ? "none" : { first: faults[0], faults: faults.length };
}

describe("tokenizerFromFiles() in 31 folders", () => {
  it("has 31 of them, and 500 texts", () => {
    expect([Object.keys(fixture.folders).length, new Set(fixture.texts).size > 480, fixture.texts.length])
      .toEqual([31, true, 500]);
  });

  for (const [name, folder] of Object.entries(fixture.folders)) {
    it(`gives the ids and types of AutoTokenizer on 500 awkward texts and on pairs cut at both sides: ${name}`, () => {
      expect(firstFault(tokenizerFromFiles(filesOf(folder)), folder, folder.side)).toBe("none");
      for (const side of ["left", "right"] as const) {
        expect(firstFault(tokenizerFromFiles(filesOf(folder, side)), folder, side)).toBe("none");
      }
    });

    it(`gives the special tokens, size and greatest length of AutoTokenizer: ${name}`, () => {
      const { padId, unknownId, clsId, sepId, maskId, modelMaxLength } = tokenizerFromFiles(filesOf(folder));
      const got = { pad_token_id: padId, unk_token_id: unknownId, cls_token_id: clsId, sep_token_id: sepId };
      for (const [key, id] of Object.entries({ ...got, mask_token_id: maskId })) {
        // Where a folder names no such token, what usually stands for it is taken.
        if (folder.names[key] !== null) expect([key, id]).toEqual([key, folder.names[key]]);
      }
      expect(modelMaxLength).toBe(folder.limit ?? undefined);
    });
  }
});
