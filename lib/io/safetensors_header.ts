import { formatShape, type Shape, sizeOf } from "../tensor/shape.ts";
import { repeatedKey } from "./repeated_key.ts";
import { messageOf } from "../text/message_of.ts";
import { isCount } from "../text/is_count.ts";
import { isObject } from "../text/is_object.ts";
import { isRecordOf } from "../text/is_record_of.ts";

/** Bytes of an element, by the format's dtypes; others are not read. */
export const ELEMENT_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  U32: 4,
  U8: 1,
  BOOL: 1,
} as const;

/** A dtype of the safetensors format that is read here. */
export type FileDType = keyof typeof ELEMENT_BYTES;

/** Bytes before the header: its length. */
export const LENGTH_BYTES = 8;
/** The header is no larger than this in any real file. */
const MAX_HEADER_BYTES = 100_000_000;

/** Where a tensor lies behind the header, in bytes. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: FileDType;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

/** What a header says. */
export interface Header {
  /** In the header's order. */
  readonly entries: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Throws an error that names the file. */
export type Fail = (reason: string) => never;

/** What throws a SyntaxError that names a file. Names and shapes in a damaged one may be of any length: they are cut. */
export function failFor(file: string | URL): Fail {
  return (reason) => {
    const short = reason.length > 400 ? `${reason.slice(0, 250)}…${reason.slice(-149)}` : reason;
    throw new SyntaxError(`cannot read ${file}: ${short}`);
  };
}

/** The length of the header, from the first bytes of a file of so many bytes. */
export function readHeaderLength(first: Uint8Array, fileBytes: number, fail: Fail): number {
  if (fileBytes < LENGTH_BYTES) fail(`it has ${fileBytes} bytes, and a header needs 8 at least: is it truncated?`);
  const length = Number(new DataView(first.buffer, first.byteOffset, LENGTH_BYTES).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES) fail(`its header would have ${length} bytes: this is no safetensors file`);
  if (LENGTH_BYTES + length > fileBytes) {
    fail(`its header of ${length} bytes reaches beyond its ${fileBytes} bytes: is it truncated?`);
  }
  return length;
}

function parseJson(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (error) {
    return fail(`its header is no JSON: ${messageOf(error)}`);
  }
  if (!isObject(header)) return fail("its header is no JSON object");
  const key = repeatedKey(text);
  if (key !== undefined) fail(`its header has the name ${key} twice`);
  return header;
}

function isFileDType(name: string): name is FileDType {
  return Object.hasOwn(ELEMENT_BYTES, name);
}

function readEntry(name: string, value: unknown, dataBytes: number, fail: Fail): TensorEntry {
  const areCounts = (list: unknown): list is number[] => Array.isArray(list) && list.every(isCount);
  const { dtype, shape, data_offsets: offsets } = isObject(value) ? value : {};
  if (typeof dtype !== "string" || !areCounts(shape) || !areCounts(offsets) || offsets.length !== 2) {
    return fail(`tensor ${name} lacks dtype, shape or data_offsets`);
  }
  if (!isFileDType(dtype)) {
    return fail(`tensor ${name}: dtype ${dtype} is not one of ${Object.keys(ELEMENT_BYTES).join(", ")}`);
  }
  const [begin, end] = offsets;
  if (end < begin || end > dataBytes) {
    fail(`tensor ${name}: offsets ${begin} to ${end} leave the ${dataBytes} bytes of data: is it truncated?`);
  }
  const size = sizeOf(shape) * ELEMENT_BYTES[dtype];
  if (end - begin !== size) {
    fail(`tensor ${name}: ${dtype} ${formatShape(shape)} needs ${size} bytes, and its offsets give ${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

/** Checks that tensors fill the data without gaps and without overlaps. */
function checkLayout(entries: readonly TensorEntry[], dataBytes: number, fail: Fail): void {
  let position = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== position) fail(`tensor ${name} ${begin < position ? "overlaps another" : "leaves a gap before it"}`);
    position = end;
  }
  if (position !== dataBytes) fail(`${dataBytes - position} bytes after the last tensor belong to none`);
}

/**
 * Reads a header and checks all of it against the number of bytes that follow, so that what is read afterwards is no
 * more than the file holds.
 */
export function readHeader(bytes: Uint8Array, dataBytes: number, fail: Fail): Header {
  const { __metadata__: metadata = {}, ...rest } = parseJson(bytes, fail);
  if (!isRecordOf(metadata, (value) => typeof value === "string")) return fail("its metadata is no record of texts");
  const entries = Object.entries(rest).map(([name, value]) => readEntry(name, value, dataBytes, fail));
  checkLayout(entries, dataBytes, fail);
  return { entries, metadata };
}
