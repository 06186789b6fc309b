import {
  Bool,
  type DataType,
  Field,
  Float64,
  Int32,
  Int64,
  Schema,
  Table,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import type { ColumnType } from "../specs/column_type.ts";
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

/** An integer as writers of tables take one of 64 bits. */
export function asBigInt(value: unknown): bigint | null {
  return typeof value === "number" || typeof value === "bigint" ? BigInt(value) : null;
}

/** Rows as an Arrow table whose schema is that of its columns, whatever the values; `metadata` goes into its schema. */
export function arrowTable<Row>(
  columns: readonly (Column<Row> | ArrowColumn<Row>)[],
  rows: readonly Row[],
  metadata: ReadonlyMap<string, string> = new Map(),
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
