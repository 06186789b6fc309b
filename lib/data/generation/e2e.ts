import { textOf } from "../table/cells.ts";
import { readRows } from "../table/read_rows.ts";
import { messageOf } from "../../text/message_of.ts";
import { linearizeMeaning } from "./linearize.ts";
import type { SplitFiles } from "./split_files.ts";
import { type GenerationSplit, groupReferences, type TextPair } from "./text_pairs.ts";

/** Columns of the meaning representation and of the text. */
const COLUMNS = {
  release: ["mr", "ref"],
  hub: ["meaning_representation", "human_reference"],
} as const;

/** Throws a SyntaxError that says where, and why, a row cannot be read. */
export function failAt(where: string, reason: string, cause?: unknown): never {
  throw new SyntaxError(`Cannot read ${where} as ${reason}`, { cause });
}

/** The pair of a row's meaning and text. Throws a SyntaxError where one is missing, or the meaning is none. */
function pairOf([meaning, text]: readonly unknown[], [first, second]: readonly string[], where: string): TextPair {
  const mr = textOf(meaning) ?? failAt(where, `its meaning in column "${first}" is missing`);
  const target = textOf(text)?.trim() ?? failAt(where, `its reference in column "${second}" is missing`);
  try {
    return { source: linearizeMeaning(mr), target };
  } catch (cause) {
    return failAt(where, messageOf(cause), cause);
  }
}

/** Reads a split of E2E's: rows with a meaning representation and one text. */
export async function readE2e(files: readonly string[], layout: SplitFiles["layout"]): Promise<GenerationSplit> {
  const columns = COLUMNS[layout];
  // One shard's name stands for all of them.
  const rows = await readRows(files[0], columns);
  const pairs = rows.map(({ cells, where }) => pairOf(cells, columns, where));
  return { pairs, groups: groupReferences(pairs) };
}
