import { drawTexts, type FactsEntry, type MeaningEntry, type TextSizes, type TextSplit } from "./text_suite.ts";
import { SUITE_SEED } from "../mod.ts";
import type { Story } from "./stories.ts";

/** A field of CSV. */
const field = (text: string): string => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

/** E2E's file: a line for each text. */
function meaningFile(entries: readonly MeaningEntry[]): string {
  const lines = entries.flatMap(({ meaning, references }) =>
    references.map((reference) => `${field(meaning)},${field(reference)}`)
  );
  return `${["mr,ref", ...lines].join("\n")}\n`;
}

/** WebNLG's file: an object for each entry, under its number. */
function factsFile(all: readonly FactsEntry[]): string {
  const entries = all.map(({ facts: { category, triples }, references }, i) => ({
    [String(i + 1)]: {
      category: category.name,
      lexicalisations: references.map(({ text, isGood }, j) => ({
        comment: isGood ? "good" : "bad",
        lang: "",
        lex: text,
        xml_id: `Id${j + 1}`,
      })),
      modifiedtripleset: triples,
      size: String(triples.length),
      xml_id: `Id${i + 1}`,
    },
  }));
  return `${JSON.stringify({ entries })}\n`;
}

/** XSum's file: an object a line. */
const storyFile = (entries: readonly Story[]): string =>
  entries.map(({ document, summary }, i) => `${JSON.stringify({ document, summary, id: String(i + 1) })}\n`).join("");

const FILES = {
  e2e: { train: "e2e/trainset.csv", dev: "e2e/devset.csv", test: "e2e/testset_w_refs.csv" },
  webnlg: { train: "webnlg2017/train.json", dev: "webnlg2017/dev.json", test: "webnlg2017/test.json" },
  xsum: { train: "xsum/train.jsonl", dev: "xsum/validation.jsonl", test: "xsum/test.jsonl" },
} as const;

/**
 * The generated tasks of texts in their own files, those of E2E's and of WebNLG's release and XSum's JSON lines of the
 * hub, by their names in a folder: the same bytes for the same seed.
 */
export function textFiles(seed: number = SUITE_SEED, sizes?: TextSizes): Map<string, string> {
  const options = { seed, ...sizes && { sizes } };
  const [e2e, webnlg, xsum] = [drawTexts("e2e", options), drawTexts("webnlg", options), drawTexts("xsum", options)];
  const splits: readonly TextSplit[] = ["train", "dev", "test"];
  return new Map([
    ...splits.map((split) => [FILES.e2e[split], meaningFile(e2e[split])] as const),
    ...splits.map((split) => [FILES.webnlg[split], factsFile(webnlg[split])] as const),
    ...splits.map((split) => [FILES.xsum[split], storyFile(xsum[split])] as const),
  ]);
}
