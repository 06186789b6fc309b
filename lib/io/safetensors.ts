import { Tensor } from "../tensor/tensor.ts";
import { type Fail, LENGTH_BYTES, readHeader, readHeaderLength, type TensorEntry } from "./safetensors_header.ts";
import { writeAtomically } from "./write_atomically.ts";

/** What a safetensors file holds. */
export interface SafetensorsFile {
  /** Tensors by name, in the order of the file; all on the host. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** Free text by key. */
  readonly metadata: Readonly<Record<string, string>>;
}

function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The bytes of a tensor as one; F64, F16 and BF16 become f32, I64 becomes i32 where it fits, U8 becomes u32. */
function decode({ name, dtype, shape }: TensorEntry, bytes: ArrayBuffer, fail: Fail): Tensor {
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
    case "I64": {
      const values = new BigInt64Array(bytes);
      const large = values.find((x) => BigInt.asIntN(32, x) !== x);
      if (large !== undefined) fail(`tensor ${name}: its I64 value ${large} does not fit i32`);
      return make("i32", Int32Array.from(values, Number));
    }
  }
}

function failFor(file: string | URL): Fail {
  return (reason) => {
    throw new SyntaxError(`cannot read ${file}: ${reason}`);
  };
}

/**
 * Reads the bytes of a safetensors file: F64, F16 and BF16 as f32, I64 as i32, U8 as u32.
 *
 * Throws a SyntaxError that says what is wrong with a truncated or corrupt file.
 */
export function parseSafetensors(bytes: Uint8Array, file = "safetensors data"): SafetensorsFile {
  const fail = failFor(file);
  const start = LENGTH_BYTES + readHeaderLength(bytes, bytes.length, fail);
  const { entries, metadata } = readHeader(bytes.subarray(LENGTH_BYTES, start), bytes.length - start, fail);
  const tensors = entries.map((entry) => {
    // A copy of its own: elements must lie at multiples of their size, and the bytes stay the caller's.
    const own = new Uint8Array(entry.end - entry.begin);
    own.set(bytes.subarray(start + entry.begin, start + entry.end));
    return [entry.name, decode(entry, own.buffer, fail)];
  });
  return { tensors: Object.fromEntries(tensors), metadata };
}

/** Tensors as the bytes of a safetensors file; names in alphabetical order, f32 as F32, i32 as I32, u32 as U32, bool as BOOL. */
export async function formatSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [["__metadata__", metadata]] : [];
  const parts: Uint8Array[] = [];
  let position = 0;
  // Large elements first keeps every tensor aligned, as the format asks.
  const wide = ([, { dtype }]: [string, Tensor]) => dtype === "bool" ? 1 : 0;
  const entries = Object.entries(tensors).sort((a, b) => wide(a) - wide(b) || (a[0] < b[0] ? -1 : 1));
  for (const [name, tensor] of entries) {
    if (name === "__metadata__") {
      throw new RangeError("no tensor can be called __metadata__: the format keeps that name");
    }
    const data = await tensor.data();
    const bytes = tensor.dtype === "bool"
      ? Uint8Array.from(data)
      : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const dtype = { f32: "F32", i32: "I32", u32: "U32", bool: "BOOL" }[tensor.dtype];
    header.push([name, { dtype, shape: tensor.shape, data_offsets: [position, position + bytes.length] }]);
    position += bytes.length;
    parts.push(bytes);
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const length = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(LENGTH_BYTES + length + position);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.fill(0x20, LENGTH_BYTES, LENGTH_BYTES + length);
  file.set(json, LENGTH_BYTES);
  let at = LENGTH_BYTES + length;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

async function readExactly(file: Deno.FsFile, bytes: number, fail: Fail): Promise<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(bytes);
  for (let filled = 0; filled < bytes;) {
    const count = await file.read(buffer.subarray(filled));
    if (count === null) return fail(`it ended ${bytes - filled} bytes early: did something write it meanwhile?`);
    filled += count;
  }
  return buffer;
}

/**
 * Reads a safetensors file as {@linkcode parseSafetensors} does; its header is checked before anything else is read.
 * Throws where it is missing or corrupt, and says why.
 */
export async function loadSafetensors(path: string | URL): Promise<SafetensorsFile> {
  const fail = failFor(path);
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    throw new Error(`cannot read ${path}: ${(error as Error).message}`);
  }
  using _closed = file;
  const { size, isFile } = await file.stat();
  if (!isFile) throw new Error(`cannot read ${path}: it is no file`);
  const length = readHeaderLength(await readExactly(file, Math.min(size, LENGTH_BYTES), fail), size, fail);
  const header = await readExactly(file, length, fail);
  const { entries, metadata } = readHeader(header, size - LENGTH_BYTES - length, fail);
  const found = new Map<string, Tensor>();
  // They follow each other without gaps.
  for (const entry of [...entries].sort((a, b) => a.begin - b.begin)) {
    const bytes = await readExactly(file, entry.end - entry.begin, fail);
    found.set(entry.name, decode(entry, bytes.buffer, fail));
  }
  return { tensors: Object.fromEntries(entries.map(({ name }) => [name, found.get(name)!])), metadata };
}

/** Writes a safetensors file: under another name first, so that no half-written one is ever found. */
export async function saveSafetensors(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeAtomically(path, await formatSafetensors(tensors, metadata));
}
