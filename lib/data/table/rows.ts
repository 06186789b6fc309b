/** A row of a table: its cells, and where it stands. */
export interface Row {
  /** Its line in a text, from 1, header and all; else its number, from 1. */
  readonly at: number;
  /** Strings of a text; of JSON and Parquet what their values are. `undefined` where a key is absent. */
  readonly cells: readonly unknown[];
}

/** Says where a row stands, as messages begin with it. */
export type Place = (at: number) => string;

/** Drops rows at the end that hold nothing: blank lines, and lines of delimiters alone. */
export function withoutBlankEnd(rows: readonly Row[]): readonly Row[] {
  const isBlank = (cell: unknown) => typeof cell === "string" && cell.trim() === "";
  return rows.slice(0, rows.findLastIndex(({ cells }) => !cells.every(isBlank)) + 1);
}
