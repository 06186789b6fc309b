import { writeAtomically } from "../../io/write_atomically.ts";
import { type Column, CURVE_COLUMNS, RUN_COLUMNS } from "./columns.ts";
import { parquetBytes } from "./parquet.ts";
import type { RunRecord } from "./record.ts";

/** Options of {@linkcode writeTables}. */
export interface TableOptions {
  /** Whether `runs.parquet` and `curves.parquet` are written, too; false by default. */
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
 *
 * Throws an Error where a file cannot be written.
 *
 * @example
 * ```ts
 * import { writeTables } from "@delta-dawn/delta-lora/experiment";
 *
 * const folder = await Deno.makeTempDir();
 * await writeTables(folder, []); // records, as runAll() and readRecord() give them
 * console.log([...Deno.readDirSync(folder)].map(({ name }) => name).sort()); // ["curves.arrow", "runs.arrow"]
 * await Deno.remove(folder, { recursive: true });
 * ```
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
