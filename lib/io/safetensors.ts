import { formatShape, type Shape, sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { writeAtomically } from "./write_atomically.ts";

/** Element types of safetensors files that are read; F16 and BF16 become f32, I64 becomes i32 where it fits. */
const BYTES: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  U32: 4,
  U8: 1,
  BOOL: 1,
};

/** The header is no larger than this in any real file. */
const MAX_HEADER_BYTES = 100_000_000;

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** What a safetensors file holds. */
export interface SafetensorsFile {
  /** Tensors by name, in the order of the file; all on the host. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** Free text by key. */
  readonly metadata: Readonly<Record<string, string>>;
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== "object" || value === null) return false;
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  const areCounts = (list: unknown) => Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0);
  return typeof dtype === "string" && areCounts(shape) && areCounts(offsets) && (offsets as number[]).length === 2;
}

function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function decode(dtype: string, bytes: ArrayBuffer, shape: Shape, fail: (reason: string) => never): Tensor {
  const make = (type: "f32" | "i32" | "u32" | "bool", data: Float32Array | Int32Array | Uint32Array) =>
    new Tensor(shape, type, { kind: "host", data });
  switch (dtype) {
    case "F32":
      return make("f32", new Float32Array(bytes));
    case "F64":
      return make("f32", Float32Array.from(new Float64Array(bytes)));
    case "F16":
      return make("f32", Float32Array.from(new Uint16Array(bytes), halfToFloat));
    case "BF16":
      return make("f32", new Float32Array(Uint32Array.from(new Uint16Array(bytes), (bits) => bits << 16).buffer));
    case "I32":
      return make("i32", new Int32Array(bytes));
    case "U32":
      return make("u32", new Uint32Array(bytes));
    case "U8":
      return make("u32", Uint32Array.from(new Uint8Array(bytes)));
    case "BOOL":
      return make("bool", Uint32Array.from(new Uint8Array(bytes), (x) => x ? 1 : 0));
    case "I64":
      return make(
        "i32",
        Int32Array.from(new BigInt64Array(bytes), (x) => {
          if (BigInt.asIntN(32, x) !== x) fail(`its I64 value ${x} does not fit i32`);
          return Number(x);
        }),
      );
    default:
      return fail(`dtype ${dtype} is not one of ${Object.keys(BYTES).join(", ")}`);
  }
}

/**
 * Reads the bytes of a safetensors file.
 *
 * Throws a SyntaxError that says what is wrong with a truncated or corrupt file.
 */
export function parseSafetensors(bytes: Uint8Array, file = "safetensors data"): SafetensorsFile {
  const fail = (reason: string): never => {
    throw new SyntaxError(`cannot read ${file}: ${reason}`);
  };
  if (bytes.length < 8) fail(`it has ${bytes.length} bytes, and a header needs 8 at least: is it truncated?`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES) fail(`its header would have ${length} bytes: this is no safetensors file`);
  if (8 + length > bytes.length) {
    fail(`its header of ${length} bytes reaches beyond its ${bytes.length} bytes: is it truncated?`);
  }
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch (error) {
    fail(`its header is no JSON: ${(error as Error).message}`);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) fail("its header is no JSON object");
  const { __metadata__: metadata = {}, ...entries } = header as Record<string, unknown>;
  const body = bytes.subarray(8 + length);
  const tensors: Record<string, Tensor> = {};
  const ranges: { name: string; begin: number; end: number }[] = [];
  for (const [name, entry] of Object.entries(entries)) {
    if (!isEntry(entry)) return fail(`tensor ${name} lacks dtype, shape or data_offsets`);
    const [begin, end] = entry.data_offsets;
    const failHere = (reason: string): never => fail(`tensor ${name}: ${reason}`);
    if (!(entry.dtype in BYTES)) failHere(`dtype ${entry.dtype} is not one of ${Object.keys(BYTES).join(", ")}`);
    const size = sizeOf(entry.shape) * BYTES[entry.dtype];
    if (end < begin || end > body.length) {
      failHere(`offsets ${begin} to ${end} leave the ${body.length} bytes of data: is it truncated?`);
    }
    if (end - begin !== size) {
      failHere(`${entry.dtype} ${formatShape(entry.shape)} needs ${size} bytes, and its offsets give ${end - begin}`);
    }
    ranges.push({ name, begin, end });
    tensors[name] = decode(entry.dtype, body.slice(begin, end).buffer as ArrayBuffer, entry.shape, failHere);
  }
  ranges.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let position = 0;
  for (const { name, begin, end } of ranges) {
    if (begin !== position) fail(`tensor ${name} ${begin < position ? "overlaps another" : "leaves a gap before it"}`);
    position = end;
  }
  if (position !== body.length) fail(`${body.length - position} bytes after the last tensor belong to none`);
  return { tensors, metadata: metadata as Record<string, string> };
}

/** Tensors as the bytes of a safetensors file; names in alphabetical order, f32 as F32, i32 as I32, u32 as U32, bool as BOOL. */
export async function formatSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  const parts: Uint8Array[] = [];
  let position = 0;
  // Large elements first keeps every tensor aligned, as the format asks.
  const wide = ([, { dtype }]: [string, Tensor]) => dtype === "bool" ? 1 : 0;
  const entries = Object.entries(tensors).sort((a, b) => wide(a) - wide(b) || (a[0] < b[0] ? -1 : 1));
  for (const [name, tensor] of entries) {
    const data = await tensor.data();
    const bytes = tensor.dtype === "bool"
      ? Uint8Array.from(data)
      : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const dtype = { f32: "F32", i32: "I32", u32: "U32", bool: "BOOL" }[tensor.dtype];
    header[name] = { dtype, shape: tensor.shape, data_offsets: [position, position + bytes.length] };
    position += bytes.length;
    parts.push(bytes);
  }
  const text = JSON.stringify(header);
  const json = new TextEncoder().encode(text + " ".repeat((8 - new TextEncoder().encode(text).length % 8) % 8));
  const file = new Uint8Array(8 + json.length + position);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  let at = 8 + json.length;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** Reads a safetensors file. Throws where it is missing or corrupt, and says why. */
export async function loadSafetensors(path: string | URL): Promise<SafetensorsFile> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    throw new Error(`cannot read ${path}: ${(error as Error).message}`);
  }
  return parseSafetensors(bytes, String(path));
}

/** Writes a safetensors file: under another name first, so that no half-written one is ever found. */
export async function saveSafetensors(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeAtomically(path, await formatSafetensors(tensors, metadata));
}
