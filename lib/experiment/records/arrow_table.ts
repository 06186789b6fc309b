import {
  Bool,
  type DataType,
  Field,
  Float64,
  Int32,
  Int64,
  Schema,
  Table,
  tableToIPC,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import type { ColumnType } from "../specs/column_type.ts";
import { asBigInt } from "./as_big_int.ts";
import type { Column } from "./columns.ts";

/** Arrow's types of columns. */
export const ARROW_TYPES: Readonly<Record<ColumnType, DataType>> = {
  text: new Utf8(),
  integer: new Int32(),
  "large integer": new Int64(),
  number: new Float64(),
  boolean: new Bool(),
};

/** A column whose type Arrow has, but {@linkcode Column} has not. */
export interface ArrowColumn<Row> {
  readonly name: string;
  readonly type: DataType;
  readonly isNullable: boolean;
  readonly of: (row: Row) => unknown;
}

/** Rows as an Arrow table whose schema is that of its columns, whatever the values; `metadata` goes into its schema. */
function arrowTable<Row>(
  columns: readonly (Column<Row> | ArrowColumn<Row>)[],
  rows: readonly Row[],
  metadata: ReadonlyMap<string, string>,
): Table {
  const typed = columns.map(({ type, of, ...rest }) => ({
    ...rest,
    type: typeof type === "string" ? ARROW_TYPES[type] : type,
    of: (row: Row) => type === "large integer" ? asBigInt(of(row)) : of(row),
  }));
  const fields = typed.map(({ name, type, isNullable }) => new Field(name, type, isNullable));
  const schema = new Schema(fields, new Map(metadata));
  // Columns without values have a type of their own, which is not the schema's.
  if (rows.length === 0) return new Table(schema);
  const vectors = typed.map(({ name, type, of }): [string, Vector] => [name, vectorFromArray(rows.map(of), type)]);
  return new Table(schema, Object.fromEntries(vectors));
}

/** Rows as a file of Arrow's IPC format, with the columns' types in its schema, and `metadata`. */
export function arrowBytes<Row>(
  columns: readonly (Column<Row> | ArrowColumn<Row>)[],
  rows: readonly Row[],
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  return tableToIPC(arrowTable(columns, rows, metadata), "file");
}
