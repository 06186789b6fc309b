import { Field, List, tableFromIPC } from "apache-arrow";
import { ARROW_TYPES, arrowBytes, type ArrowColumn } from "./arrow_table.ts";
import { POINT_TYPES, RUN_COLUMNS } from "./columns.ts";
import type { RunRecord } from "./record.ts";
import { keysOf } from "../../text/keys_of.ts";

const CURVE_LISTS = keysOf(POINT_TYPES).map((name): ArrowColumn<RunRecord> => ({
  name: `curve_${name}`,
  type: new List(new Field("item", ARROW_TYPES[POINT_TYPES[name]], false)),
  isNullable: false,
  of: ({ result }) => result?.curve.map((point) => point[name]) ?? [],
}));

/** A run's own file: one row with the columns of `runs.arrow`, its curve as lists, and `metadata` in its schema. */
export function recordBytes(record: RunRecord, metadata: ReadonlyMap<string, string>): Uint8Array {
  return arrowBytes([...RUN_COLUMNS, ...CURVE_LISTS], [record], metadata);
}

/** The row in the bytes of a run's own file, by its columns' names. */
export function recordRow(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  return tableFromIPC(bytes).get(0)!.toJSON();
}
