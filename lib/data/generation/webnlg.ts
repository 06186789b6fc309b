import { decodeText } from "../table/decode_text.ts";
import { textOf } from "../table/cells.ts";
import { readBytes } from "../table/read_bytes.ts";
import { readRows } from "../table/read_rows.ts";
import { isObject } from "../../text/is_object.ts";
import { messageOf } from "../../text/message_of.ts";
import { quoted } from "../../text/quoted.ts";
import { failAt } from "./e2e.ts";
import { jsonFaultLine } from "./json_fault_line.ts";
import { linearizeTriples, type Triple } from "./linearize.ts";
import type { SplitFiles } from "./split_files.ts";
import type { GenerationSplit, ReferenceGroup } from "./text_pairs.ts";

/** The categories of WebNLG 2017's training split; all others are unseen. */
const SEEN: ReadonlySet<string> = new Set([
  "Airport",
  "Astronaut",
  "Building",
  "City",
  "ComicsCharacter",
  "Food",
  "Monument",
  "SportsTeam",
  "University",
  "WrittenWork",
]);

/** An entry as either layout has it. */
interface Entry {
  readonly category: unknown;
  readonly triples: readonly unknown[];
  /** Texts with what was said of them: `good`, or something else. */
  readonly texts: readonly { readonly text: unknown; readonly comment: unknown }[];
  readonly where: string;
}

/** A triple of the JSON layout, or `subject | property | object` of the hub's. */
function tripleOf(value: unknown, where: string): Triple {
  if (typeof value === "string") {
    const parts = value.split(" | ");
    if (parts.length === 3) return { subject: parts[0], property: parts[1], object: parts[2] };
  } else if (isObject(value)) {
    const { subject, property, object } = value;
    if (typeof subject === "string" && typeof property === "string" && typeof object === "string") {
      return { subject, property, object };
    }
  }
  return failAt(where, `it has no triple of subject, property and object: ${quoted(value)}`);
}

/** An entry's source with its good references; `undefined` where all of them were marked as faulty. */
function groupOf({ category, triples, texts, where }: Entry): ReferenceGroup | undefined {
  const name = textOf(category) ?? failAt(where, "its category is missing");
  if (triples.length === 0) failAt(where, "it has no triples");
  if (texts.length === 0) failAt(where, "it has no reference");
  const source = linearizeTriples(triples.map((triple) => tripleOf(triple, where)));
  const references = texts.filter(({ comment }) => comment === "good").map(({ text }) =>
    textOf(text)?.trim() ?? failAt(where, "the text of a reference is missing")
  );
  return references.length === 0 ? undefined : { source, references, part: SEEN.has(name) ? "seen" : "unseen" };
}

const listOf = (value: unknown): readonly unknown[] => Array.isArray(value) ? value : [];

/** Entries of the JSON layout: `entries` is a list of objects with one key each, the entry's number. */
async function jsonEntries(file: string): Promise<Entry[]> {
  const text = decodeText(await readBytes(file), file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return failAt(`${file}:${jsonFaultLine(text)}`, `it is no JSON: ${messageOf(cause)}`, cause);
  }
  if (!isObject(value) || !Array.isArray(value.entries)) return failAt(file, "it has no list of entries");
  return value.entries.map((holder: unknown, i): Entry => {
    const where = `${file}, entry ${i + 1},`;
    const [entry] = isObject(holder) ? Object.values(holder) : [];
    if (!isObject(entry)) return failAt(where, `it is no object under its number: ${quoted(holder)}`);
    const texts = listOf(entry.lexicalisations).map((one) => isObject(one) ? one : {});
    return {
      category: entry.category,
      triples: listOf(entry.modifiedtripleset),
      texts: texts.map(({ lex, comment }) => ({ text: lex, comment })),
      where,
    };
  });
}

/** Entries of the hub's layout: a row each, whose texts and comments are two lists. */
async function hubEntries(file: string): Promise<Entry[]> {
  const rows = await readRows(file, ["category", "modified_triple_sets", "lex"]);
  return rows.map(({ cells: [category, sets, lex], where }): Entry => {
    const [triples] = isObject(sets) ? listOf(sets.mtriple_set) : [];
    const [texts, comments] = isObject(lex) ? [listOf(lex.text), listOf(lex.comment)] : [[], []];
    return {
      category,
      triples: listOf(triples),
      texts: texts.map((text, i) => ({ text, comment: comments[i] })),
      where,
    };
  });
}

/** Reads a split of WebNLG 2017's: entries of triples with the references that are marked good. */
export async function readWebnlg(files: readonly string[], layout: SplitFiles["layout"]): Promise<GenerationSplit> {
  const isJson = layout === "release";
  const entries = await (isJson ? jsonEntries(files[0]) : hubEntries(files[0]));
  const groups = entries.map(groupOf).filter((group) => group !== undefined);
  if (groups.length === 0) throw new SyntaxError(`Cannot read ${files[0]} as it has no entries`);
  const pairs = groups.flatMap(({ source, references }) => references.map((target) => ({ source, target })));
  return { pairs, groups };
}
