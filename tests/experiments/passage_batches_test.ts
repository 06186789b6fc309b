import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { encodePassage, type HiddenTokens, maskedBatch } from "../../experiments/runner/pretrain/masked_batch.ts";
import { PassageBatches } from "../../experiments/runner/pretrain/passage_batches.ts";
import { suiteLanguage, suiteVocabulary } from "../../experiments/suite/mod.ts";
import { Choices } from "../../experiments/suite/random.ts";
import { wordPiece } from "../../lib/data/mod.ts";

const tokenizer = wordPiece(suiteVocabulary());
const WINDOW = 32;

/** Numbers of a batch by the names of its parts. */
async function valuesOf({ inputIds, attentionMask, tokenTypeIds, positions, labels }: HiddenTokens) {
  const parts = Object.entries({ inputIds, attentionMask, tokenTypeIds, positions, labels });
  const values = parts.map(async ([name, one]) => [name, Array.from(await one.data(), Number)] as const);
  return Object.fromEntries(await Promise.all(values));
}

/** Each row's tokens that count, and what stands between its sentences. */
async function rowsOf(batch: HiddenTokens): Promise<string[]> {
  const [B, T] = batch.inputIds.shape;
  const { attentionMask, labels } = await valuesOf(batch);
  const length = (row: number) => attentionMask.slice(row * T, (row + 1) * T).reduce((sum, one) => sum + one, 0);
  return Array.from({ length: B }, (_, row) => `${length(row)} ${labels[row * labels.length / B]}`);
}

describe("PassageBatches", () => {
  it("give a batch by its number alone", async () => {
    const [inOrder, other] = [new PassageBatches(5, 4), new PassageBatches(5, 4)];
    const batches = Array.from({ length: 2 * WINDOW + 3 }, (_, i) => inOrder.at(i));
    for (const index of [2 * WINDOW + 2, 3, WINDOW, WINDOW - 1, 0]) {
      expect(await valuesOf(other.at(index))).toEqual(await valuesOf(batches[index]));
    }
    const [first] = [new PassageBatches(6, 4).at(0)];
    expect(await valuesOf(first)).not.toEqual(await valuesOf(batches[0]));
  });

  it("have each passage of the language once, of about one length in a batch, and little padding", async () => {
    const B = 16;
    const batches = new PassageBatches(7, B);
    const all = Array.from({ length: WINDOW }, (_, i) => batches.at(i));
    const language = suiteLanguage(7);
    const spoken = Array.from({ length: WINDOW * B }, () => {
      const { ids, connective } = encodePassage(language.next().value, tokenizer);
      return `${ids.length} ${connective}`;
    });
    const found = (await Promise.all(all.map(rowsOf))).flat();
    expect(found.toSorted()).toEqual(spoken.toSorted());
    expect(found).not.toEqual(spoken);
    const lengths = all.map(({ inputIds: { shape } }) => shape[1]);
    expect(lengths.every((length) => length % 4 === 0 && length <= 32)).toBe(true);
    // Short and long batches come in no order.
    expect(lengths).not.toEqual(lengths.toSorted((a, b) => a - b));
    const tokens = spoken.reduce((sum, one) => sum + parseInt(one), 0);
    expect(tokens / (B * lengths.reduce((a, b) => a + b))).toBeGreaterThan(0.85);
  });
});

describe("maskedBatch()", () => {
  it("hides the same tokens however far rows are padded", async () => {
    const passages = Array.from({ length: 8 }, ((language) => () => language.next().value)(suiteLanguage(1)));
    const batch = (length?: number) => maskedBatch(passages, { tokenizer, choices: new Choices(2), length });
    const [wide, usual] = [batch(32), batch()];
    expect(await valuesOf(usual)).toEqual(await valuesOf(wide));
    const longest = Math.max(...passages.map((passage) => encodePassage(passage, tokenizer).ids.length));
    const narrow = batch(longest);
    expect(narrow.inputIds.shape).toEqual([8, longest]);
    const at = async ({ inputIds, positions }: HiddenTokens) => {
      const ids = await inputIds.data();
      return Array.from(await positions.data(), (place) => ids[place]);
    };
    expect((await valuesOf(narrow)).labels).toEqual((await valuesOf(usual)).labels);
    const asked = (values: number[], labels: number[]) => values.filter((_, i) => labels[i] >= 0);
    const { labels } = await valuesOf(usual);
    expect(asked(await at(narrow), labels)).toEqual(asked(await at(usual), labels));
  });
});
