import { shown, textOf } from "../table/cells.ts";
import { readRows } from "../table/read_rows.ts";
import { failAt } from "./e2e.ts";
import type { SplitName } from "./split_files.ts";
import type { GenerationSplit, TextPair } from "./text_pairs.ts";

const COLUMNS = ["document", "summary"] as const;

/** The pair of a row's article and summary. Throws a SyntaxError where one is missing. */
function pairOf(cells: readonly unknown[], where: string): TextPair {
  const [source, target] = COLUMNS.map((column, i) =>
    textOf(cells[i])?.trim() ?? failAt(where, `its text in column "${column}" is missing`)
  );
  return { source, target };
}

/** A split of articles, each with one summary: an article that comes twice is two. */
function splitOf(pairs: readonly TextPair[]): GenerationSplit {
  return { pairs, groups: pairs.map(({ source, target }) => ({ source, references: [target] })) };
}

/** Reads a split of XSum's: articles with a summary each. */
export async function readXsum(files: readonly string[]): Promise<GenerationSplit> {
  const rows = await readRows(files[0], COLUMNS);
  return splitOf(rows.map(({ cells, where }) => pairOf(cells, where)));
}

/** Names of splits as a column has them. */
const SPLITS: ReadonlyMap<unknown, SplitName> = new Map([
  ["train", "train"],
  ["validation", "dev"],
  ["dev", "dev"],
  ["test", "test"],
  ["unknown", "unknown"],
]);

/** Reads articles of several splits from one file, whose column `split` says where each belongs. */
export async function readXsumParts(file: string): Promise<Partial<Record<SplitName, GenerationSplit>>> {
  const parts = new Map<SplitName, TextPair[]>();
  for (const { cells, where } of await readRows(file, [...COLUMNS, "split"])) {
    // A remark may stand behind the name: "unknown (few-shot example)".
    const split = SPLITS.get(textOf(cells[2])?.split(" ")[0]) ??
      failAt(where, `its split is ${shown(cells[2])}, and must be one of ${[...SPLITS.keys()].join(", ")}`);
    const pairs = parts.get(split) ?? [];
    pairs.push(pairOf(cells, where));
    parts.set(split, pairs);
  }
  return Object.fromEntries(Array.from(parts, ([name, pairs]) => [name, splitOf(pairs)]));
}
