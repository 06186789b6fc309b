import type { Tensor } from "../tensor/tensor.ts";
import { decodeTensor, encodeTensor, type FloatFormat, type ReadHalves, writtenDType } from "./safetensors_elements.ts";
import { ELEMENT_BYTES, failFor, LENGTH_BYTES, readHeader, readHeaderLength } from "./safetensors_header.ts";
import { openSafetensors } from "./safetensors_reader.ts";
import { writeAtomically } from "./write_atomically.ts";

/** What a safetensors file holds. */
export interface SafetensorsFile {
  /** Tensors by name, in the order of the file, all of them on the host. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** The file's own metadata: free text by key. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Options of {@linkcode formatSafetensors} and {@linkcode saveSafetensors}. */
export interface FormatSafetensorsOptions {
  /** How f32 is written: as `F32`, the default, or rounded to the nearest F16 or BF16. */
  readonly floats?: FloatFormat;
}

/** Options of {@linkcode parseSafetensors} and {@linkcode loadSafetensors}. */
export type ReadSafetensorsOptions = ReadHalves;

/**
 * The tensors and metadata in the bytes of a [safetensors](https://github.com/huggingface/safetensors) file: F64 and
 * BF16 become f32, F16 what `halves` says, I64 i32 where it fits, and U8 u32. `file` is what messages call it.
 *
 * Throws a SyntaxError that says what is wrong with a truncated or corrupt file.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const bytes = await dd.io.formatSafetensors({ w: dd.tensor([[1, 2]]) }, { format: "pt" });
 * const { tensors, metadata } = dd.io.parseSafetensors(bytes);
 * console.log(tensors.w.shape, metadata.format); // [1, 2] pt
 * ```
 */
export function parseSafetensors(
  bytes: Uint8Array,
  file = "safetensors data",
  options: ReadSafetensorsOptions = {},
): SafetensorsFile {
  const fail = failFor(file);
  const start = LENGTH_BYTES + readHeaderLength(bytes, bytes.length, fail);
  const { entries, metadata } = readHeader(bytes.subarray(LENGTH_BYTES, start), bytes.length - start, fail);
  const tensors = entries.map((entry) => {
    // A copy of its own: elements must lie at multiples of their size, and the bytes stay the caller's.
    const own = new Uint8Array(entry.end - entry.begin);
    own.set(bytes.subarray(start + entry.begin, start + entry.end));
    return [entry.name, decodeTensor(entry, own.buffer, { ...options, fail })];
  });
  return { tensors: Object.fromEntries(tensors), metadata };
}

/** The parts of a file, one after the other: its header, then each tensor's bytes when it is asked for. */
async function* partsOf(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>>,
  { floats = "F32" }: FormatSafetensorsOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [["__metadata__", metadata]] : [];
  let position = 0;
  // Large elements first keeps every tensor aligned, as the format asks.
  const width = ([, tensor]: [string, Tensor]) => ELEMENT_BYTES[writtenDType(tensor, floats)];
  const entries = Object.entries(tensors).sort((a, b) => width(b) - width(a) || (a[0] < b[0] ? -1 : 1));
  for (const entry of entries) {
    const [name, tensor] = entry;
    if (name === "__metadata__") {
      throw new RangeError("no tensor can be called __metadata__: the format keeps that name");
    }
    const end = position + tensor.size * width(entry);
    header.push([name, { dtype: writtenDType(tensor, floats), shape: tensor.shape, data_offsets: [position, end] }]);
    position = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const length = Math.ceil(json.length / 8) * 8;
  const start = new Uint8Array(LENGTH_BYTES + length).fill(0x20);
  new DataView(start.buffer).setBigUint64(0, BigInt(length), true);
  start.set(json, LENGTH_BYTES);
  yield start;
  for (const [, tensor] of entries) yield await encodeTensor(tensor, floats);
}

/**
 * The bytes of a [safetensors](https://github.com/huggingface/safetensors) file with these tensors and metadata: f32 as
 * F32 or what `floats` says, f16 as F16, i32 as I32, u32 as U32, bool as BOOL. Tensors lie in the order of their
 * elements' sizes, the largest first, then of their names.
 *
 * Throws a RangeError where a tensor is called `__metadata__`, which the format keeps for itself.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const weights = { w: dd.tensor([1, 2, 3, 4]) };
 * const whole = await dd.io.formatSafetensors(weights);
 * const half = await dd.io.formatSafetensors(weights, {}, { floats: "BF16" });
 * console.log(whole.length - half.length); // 8
 * ```
 */
export async function formatSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
  options: FormatSafetensorsOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const parts = await Array.fromAsync(partsOf(tensors, metadata, options));
  const file = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/**
 * Reads a safetensors file the way {@linkcode parseSafetensors} does, tensor by tensor; its header is checked before
 * anything else is read.
 *
 * Throws an Error where the file cannot be read and a SyntaxError where it is corrupt; both say why.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const path = await Deno.makeTempFile({ suffix: ".safetensors" });
 * await dd.io.saveSafetensors(path, { w: dd.tensor([1, 2]) });
 * const { tensors } = await dd.io.loadSafetensors(path);
 * console.log(await tensors.w.data()); // Float32Array [1, 2]
 * await Deno.remove(path);
 * ```
 */
export async function loadSafetensors(
  path: string | URL,
  options: ReadSafetensorsOptions = {},
): Promise<SafetensorsFile> {
  const { entries, metadata, read } = await openSafetensors(path);
  const tensors: [string, Tensor][] = [];
  for (const name of entries.keys()) tensors.push([name, await read(name, options)]);
  return { tensors: Object.fromEntries(tensors), metadata };
}

/**
 * Writes a safetensors file the way {@linkcode formatSafetensors} lays it out, tensor by tensor and under another name
 * first, so that no half-written one is ever found.
 *
 * Throws an Error where it cannot be written; what was at `path` is then as it was.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const path = await Deno.makeTempFile({ suffix: ".safetensors" });
 * await dd.io.saveSafetensors(path, { w: dd.tensor([1, 2]) }, { step: "100" });
 * console.log((await dd.io.openSafetensors(path)).metadata); // { step: "100" }
 * await Deno.remove(path);
 * ```
 */
export async function saveSafetensors(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
  options: FormatSafetensorsOptions = {},
): Promise<void> {
  await writeAtomically(path, partsOf(tensors, metadata, options));
}
