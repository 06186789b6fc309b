import type * as Hyparquet from "hyparquet";
import type * as Compressors from "hyparquet-compressors";
import { findColumns } from "./find_columns.ts";
import { npmModule } from "./npm_module.ts";
import type { Row } from "./rows.ts";
import { messageOf } from "../../text/message_of.ts";

/** Codecs that hyparquet has itself. */
const BUILT_IN: readonly string[] = ["UNCOMPRESSED", "SNAPPY"];

/** Whether bytes begin as those of a Parquet file do. */
export function isParquet(bytes: Uint8Array): boolean {
  return new TextDecoder().decode(bytes.subarray(0, 4)) === "PAR1";
}

/** Bytes, which some programs write for text, as the text that they are; else as they are. */
function asText(cell: unknown): unknown {
  if (!(cell instanceof Uint8Array)) return cell;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(cell);
  } catch {
    return cell;
  }
}

/**
 * Reads columns of a Parquet file, packed by any codec of the format's.
 *
 * Throws a SyntaxError where a column is not there, or is there twice, and an Error where the file is not whole.
 */
export async function parquetRows(
  bytes: Uint8Array<ArrayBuffer>,
  { columns, file }: { readonly columns: readonly string[]; readonly file: string },
): Promise<Row[]> {
  const { parquetMetadata, parquetReadObjects, parquetSchema } = await npmModule<typeof Hyparquet>("hyparquet");
  const fail = (cause: unknown): never => {
    const reason = messageOf(cause);
    throw new Error(`Cannot read ${file} as it is no whole Parquet file: ${reason}`, { cause });
  };
  const buffer = bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
  let metadata: Hyparquet.FileMetaData;
  let names: string[];
  try {
    metadata = parquetMetadata(buffer);
    names = parquetSchema(metadata).children.map(({ element }) => element.name);
  } catch (cause) {
    return fail(cause);
  }
  findColumns(columns, names, file);
  const chunks = metadata.row_groups.flatMap((group) => group.columns);
  const isPacked = chunks.some(({ meta_data }) => meta_data && !BUILT_IN.includes(meta_data.codec));
  const { compressors } = isPacked
    ? await npmModule<typeof Compressors>("hyparquet-compressors")
    : { compressors: undefined };
  try {
    const wanted = [...columns];
    const rows = await parquetReadObjects({ file: buffer, metadata, columns: wanted, compressors, utf8: false });
    if (rows.length !== Number(metadata.num_rows)) {
      throw new RangeError(`it has ${rows.length} of ${metadata.num_rows} rows`);
    }
    return rows.map((row, i) => ({ at: i + 1, cells: columns.map((column) => asText(row[column])) }));
  } catch (cause) {
    return fail(cause);
  }
}
