import { expect } from "expect";
import type { TextScore } from "../../../lib/metrics/mod.ts";

/** What `python tests/fixtures/text_scores.py` wrote: random text and what others score it. */
export interface Fixture {
  readonly rows: readonly (readonly [string, readonly string[]])[];
  readonly rouge: Readonly<Record<string, readonly (readonly [number, number, number])[]>>;
  readonly captions: Readonly<Record<string, readonly string[]>>;
  readonly cocoRouge: readonly number[];
  readonly nist: { readonly hypotheses: string[]; readonly references: string[]; readonly score: number };
  /** Words with their stems by Porter's algorithm as NLTK has it, and by Snowball's for English. */
  readonly stems: readonly (readonly [word: string, porter: string, snowball: string])[];
  /** The sets of synonyms in METEOR's tables that a word is in. */
  readonly synonyms: Readonly<Record<string, readonly string[]>>;
  readonly [scorer: `bleu${string}` | `chrf${string}` | `ter${string}` | `cider${string}` | `meteor${string}`]: {
    readonly score: number;
    readonly sentences: readonly number[];
  };
}

const file = await Deno.open(new URL("../../fixtures/text_scores.json.gz", import.meta.url));

export const fixture: Fixture = await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).json();

export const hypotheses: readonly string[] = fixture.rows.map(([hypothesis]) => hypothesis);
export const references: readonly (readonly string[])[] = fixture.rows.map(([, texts]) => texts);

/** Expects a score of the corpus and of each row in per cent, to ten digits. */
export function expectPercent(result: TextScore, expected: Fixture[`chrf${string}`]): void {
  expect(100 * result.score).toBeCloseTo(expected.score, 10);
  result.sentences.forEach((score, row) => {
    expect([row, 100 * score]).toEqual([row, expect.closeTo(expected.sentences[row], 10)]);
  });
}
