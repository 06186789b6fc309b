import type * as Zlib from "node:zlib";
import { messageOf } from "../../text/message_of.ts";
import { importModule } from "../../device/import_module.ts";

/** How files begin that are no tables, or are packed in a way that is not read here. */
const OTHERS: readonly [start: string, name: string, advice: string][] = [
  ["504b0304", "a zip archive or an Excel workbook", "unpack it, or save the sheet as CSV in UTF-8"],
  ["d0cf11e0", "an old Excel workbook", "save the sheet as CSV in UTF-8"],
  ["28b52ffd", "packed by zstd", "unpack it, or pack it by gzip"],
  ["425a68", "packed by bzip2", "unpack it, or pack it by gzip"],
  ["fd377a585a", "packed by xz", "unpack it, or pack it by gzip"],
  ["4152524f5731", "an Arrow file", "write it as Parquet"],
];

function startsWith(bytes: Uint8Array, hex: string): boolean {
  return bytes.subarray(0, hex.length / 2).toHex() === hex;
}

/** Unpacks gzip's files, those of several parts among them, which `DecompressionStream` refuses. */
async function gunzip(bytes: Uint8Array<ArrayBuffer>, file: string): Promise<Uint8Array<ArrayBuffer>> {
  const { gunzipSync } = await importModule<typeof Zlib>("node", "zlib");
  try {
    return new Uint8Array(gunzipSync(bytes));
  } catch (cause) {
    throw new Error(`Cannot read ${file} as it is no whole gzip file`, { cause });
  }
}

/**
 * Reads the bytes of a table's file, unpacked where they are gzip's, whatever the file's name.
 *
 * Throws an Error that names the file where it cannot be read, is packed in another way or is cut short.
 */
export async function readBytes(file: string): Promise<Uint8Array<ArrayBuffer>> {
  let packed;
  try {
    packed = await Deno.readFile(file);
  } catch (cause) {
    throw new Error(`Cannot read ${file}: ${messageOf(cause)}`, { cause });
  }
  const isPacked = file.endsWith(".gz") || startsWith(packed, "1f8b");
  const bytes = isPacked ? await gunzip(packed, file) : packed;
  const other = OTHERS.find(([start]) => startsWith(bytes, start));
  if (other) throw new SyntaxError(`Cannot read ${file} as it is ${other[1]}: ${other[2]}`);
  return bytes;
}
