import type * as HyparquetWriter from "hyparquet-writer";
import { asBigInt } from "./as_big_int.ts";
import type { ColumnType } from "../specs/column_type.ts";
import type { Column } from "./columns.ts";

const TYPES = {
  text: "STRING",
  integer: "INT32",
  "large integer": "INT64",
  number: "DOUBLE",
  boolean: "BOOLEAN",
} as const satisfies Readonly<Record<ColumnType, string>>;

/** Rows as a Parquet file, compressed by Snappy, with the columns' types and nulls in its schema. */
export async function parquetBytes<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): Promise<Uint8Array<ArrayBuffer>> {
  const { parquetWriteBuffer }: typeof HyparquetWriter = await import("hyparquet-writer"); // only who asks for it needs it
  const columnData = columns.map(({ name, type, isNullable, of }) => ({
    name,
    data: rows.map((row) => type === "large integer" ? asBigInt(of(row)) : of(row)),
    type: TYPES[type],
    nullable: isNullable,
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}
