import { decodeText } from "./decode_text.ts";
import { delimitedRows } from "./delimited.ts";
import { jsonRows } from "./json_lines.ts";
import { isParquet, parquetRows } from "./parquet_rows.ts";
import { readBytes } from "./read_bytes.ts";
import type { Place, Row } from "./rows.ts";
import { filesOf } from "./shards.ts";

/** A row and the place that messages name. */
export interface PlacedRow {
  readonly cells: readonly unknown[];
  /** `file.tsv:3`, or `file.parquet, row 3,`. */
  readonly where: string;
}

/** Says where a row of a text, or of a Parquet file, stands. */
export function placeIn(file: string, counts: "lines" | "rows"): Place {
  return (at) => counts === "lines" ? `${file}:${at}` : `${file}, row ${at},`;
}

async function rowsOf(file: string, columns: readonly string[]): Promise<{ rows: Row[]; place: Place }> {
  const bytes = await readBytes(file);
  if (isParquet(bytes) || /\.(parquet|pq)$/i.test(file)) {
    return { rows: await parquetRows(bytes, { columns, file }), place: placeIn(file, "rows") };
  }
  const text = decodeText(bytes, file);
  const place = placeIn(file, "lines");
  if (text.trim() === "") return { rows: [], place };
  if (/\.json(\.gz)?$/i.test(file) && text.trimStart().startsWith("[")) {
    throw new SyntaxError(`Cannot read ${file} as it is one JSON list: write JSON lines, an object a line (.jsonl)`);
  }
  const isJson = /\.(jsonl|ndjson|json)(\.gz)?$/i.test(file) ||
    !/\.(csv|tsv|tab)(\.gz)?$/i.test(file) && text.trimStart().startsWith("{");
  const rows = isJson ? jsonRows(text, { columns, place }) : await delimitedRows(text, { columns, file, place });
  return { rows, place };
}

/**
 * Reads columns of a table by their names: Parquet, JSON lines, or delimited text with a first line of names, each plain
 * or gzipped, as the file's name and its first bytes say. One shard's name stands for all of them.
 *
 * Throws an Error where a file is missing or not whole, and a SyntaxError that says where a row is wrong, and where there
 * is no row at all.
 */
export async function readRows(file: string, columns: readonly string[]): Promise<PlacedRow[]> {
  const placed: PlacedRow[] = [];
  for (const part of await filesOf(file)) {
    const { rows, place } = await rowsOf(part, columns);
    for (const { at, cells } of rows) placed.push({ cells, where: place(at) });
  }
  if (placed.length === 0) throw new SyntaxError(`Cannot read ${file} as it has no rows`);
  return placed;
}
