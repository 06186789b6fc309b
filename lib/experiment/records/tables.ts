import { writeAtomically } from "../../io/write_atomically.ts";
import { type Column, CURVE_COLUMNS, RUN_COLUMNS } from "./columns.ts";
import { parquetBytes } from "./parquet.ts";
import type { RunRecord } from "./record.ts";

/** Options of {@linkcode writeTables}. */
export interface TableOptions {
  /** Writes `runs.parquet` and `curves.parquet`, too. */
  readonly parquet?: boolean;
}

async function write<Row>(
  path: string,
  table: { readonly columns: readonly Column<Row>[]; readonly rows: readonly Row[] },
  { parquet = false }: TableOptions,
): Promise<void> {
  const { columns, rows } = table;
  const { arrowBytes } = await import("./arrow_table.ts"); // which loads Arrow's library
  await writeAtomically(`${path}.arrow`, arrowBytes(columns, rows));
  if (parquet) await writeAtomically(`${path}.parquet`, await parquetBytes(columns, rows));
}

/**
 * Writes the tables of all runs into a folder: `runs.arrow`, one row a run, and `curves.arrow`, one row a logged step,
 * both as files of Arrow's IPC format; with `parquet`, the same rows in Parquet.
 */
export async function writeTables(
  folder: string,
  records: readonly RunRecord[],
  options: TableOptions = {},
): Promise<void> {
  await write(`${folder}/runs`, { columns: RUN_COLUMNS, rows: records }, options);
  const rows = records.flatMap((record) => (record.result?.curve ?? []).map((point) => ({ record, point })));
  await write(`${folder}/curves`, { columns: CURVE_COLUMNS, rows }, options);
}
