import type { Example } from "../../../lib/data/mod.ts";
import { numberOf, shown, textOf } from "../../../lib/data/table/cells.ts";
import { type PlacedRow, readRows } from "../../../lib/data/table/read_rows.ts";
import { filesOf } from "../../../lib/data/table/shards.ts";
import { type LabelKind, type LabelSet, labelSet, noLabel, noScore, wordOf } from "../heads/label_set.ts";

/** A table's examples and what their labels are. */
export interface Table extends LabelSet {
  readonly examples: readonly Example[];
  /** What was read: the file, or all shards that it stands for. */
  readonly files: readonly string[];
  /** Where each label first stands, as `file.tsv:3`, of those that are there. */
  readonly firstAt: ReadonlyMap<string, string>;
}

/** Options of {@linkcode readTable}. */
export interface ReadTableOptions {
  /** Names of columns, or keys of JSON objects: the text, perhaps a second one, and the label. */
  readonly columns: readonly string[];
  /** What labels are, as another file decided; by default this one decides. */
  readonly known?: LabelSet;
  /** What labels are where this file decides; by default {@linkcode labelSet} finds out. */
  readonly kind?: LabelKind;
}

function fail({ where }: Pick<PlacedRow, "where">, reason: string): never {
  throw new SyntaxError(`Cannot read ${where} as ${reason}`);
}

/** The text of a row's cell; of a number, or of true and false, how they are written. */
function requireText(row: PlacedRow, place: number, columns: readonly string[]): string {
  const cell = row.cells[place];
  const text = textOf(cell);
  if (text !== undefined) return text;
  const isObject = typeof cell === "object" && cell !== null;
  return fail(row, `its "${columns[place]}" is ${shown(cell)}${isObject ? ", not a text or a number" : ""}`);
}

/** Gives labels their numbers: the place of a class's word, or the score. */
function numbering({ kind, labels }: LabelSet): (row: PlacedRow, label: unknown) => number {
  if (kind === "regression") return (row, label) => numberOf(label) ?? fail(row, noScore(label));
  const places = new Map(labels.map((label, i) => [wordOf(label), i]));
  const exact = new Map(labels.map((label, i) => [label, i]));
  return (row, label) => {
    const word = wordOf(label) ?? fail(row, noLabel(label));
    const place = exact.get(String(label).trim()) ?? places.get(word);
    return place ?? fail(row, `label ${shown(label)} is none of ${labels.join(", ")}`);
  };
}

/**
 * Reads a file of rows with labels, in any format that {@linkcode readRows} reads.
 *
 * Throws an Error where it cannot be read, a SyntaxError that names the line or row where one is wrong.
 */
export async function readTable(file: string, { columns, known, kind }: ReadTableOptions): Promise<Table> {
  const rows = await readRows(file, columns);
  const last = columns.length - 1;
  const set = known ??
    labelSet(rows.map(({ cells }) => cells[last]), {
      kind,
      fail: (i, reason) => fail(i === undefined ? { where: file } : rows[i], reason),
    });
  return { ...examplesOf(rows, { columns, set }), files: await filesOf(file) };
}

/**
 * Examples of rows whose labels are known to be of a set. Throws a SyntaxError that says where a text is missing, or a
 * label is none of the set's.
 */
export function examplesOf(
  rows: readonly PlacedRow[],
  { columns, set }: Pick<ReadTableOptions, "columns"> & { readonly set: LabelSet },
): Omit<Table, "files"> {
  const last = columns.length - 1;
  const numberIn = numbering(set);
  const examples = rows.map((row): Example => {
    const text = requireText(row, 0, columns);
    const label = numberIn(row, row.cells[last]);
    return last < 2 ? { text, label } : { text, text2: requireText(row, 1, columns), label };
  });
  const firstAt = new Map<string, string>();
  for (const [i, { where }] of rows.entries()) {
    const word = set.labels[examples[i].label];
    if (word !== undefined && !firstAt.has(word)) firstAt.set(word, where.replace(/,$/, ""));
  }
  return { kind: set.kind, labels: set.labels, examples, firstAt };
}
