import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { decodeTensor, type ReadHalves } from "./safetensors_elements.ts";
import { failFor, type FileDType, LENGTH_BYTES, readHeader, readHeaderLength } from "./safetensors_header.ts";
import { messageOf } from "../text/message_of.ts";

/** Tensors of files that are read one by one, when they are asked for. */
export interface TensorReader {
  /** Dtype and shape of each tensor by its name, in the order of the file. */
  readonly entries: ReadonlyMap<string, { readonly dtype: FileDType; readonly shape: Shape }>;
  /** The file's own metadata: free text by key; of several files, that of the first. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Reads one tensor onto the host, F16 as f32 or what `halves` says. Throws a RangeError where there is none of that
   * name.
   */
  read(name: string, options?: ReadHalves): Promise<Tensor>;
}

async function readExactly(file: Deno.FsFile, bytes: number, fail: (reason: string) => never) {
  const buffer = new Uint8Array(bytes);
  for (let filled = 0; filled < bytes;) {
    const count = await file.read(buffer.subarray(filled));
    if (count === null) return fail(`it ended ${bytes - filled} bytes early: did something write it meanwhile?`);
    filled += count;
  }
  return buffer;
}

async function openFile(path: string | URL): Promise<Deno.FsFile> {
  try {
    // Opening a pipe would wait for one who writes.
    if (!(await Deno.stat(path)).isFile) throw new Error("it is no file");
    return await Deno.open(path);
  } catch (error) {
    throw new Error(`cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Reads and checks the header of a safetensors file; tensors are read when they are asked for, each into memory of its
 * own. No file stays open.
 *
 * Throws an Error where the file cannot be read and a SyntaxError where it is corrupt; both say why.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const path = await Deno.makeTempFile({ suffix: ".safetensors" });
 * await dd.io.saveSafetensors(path, { w: dd.tensor([[1, 2]]) });
 * const { entries, read } = await dd.io.openSafetensors(path);
 * console.log(entries.get("w")?.dtype, (await read("w")).shape); // F32 [1, 2]
 * await Deno.remove(path);
 * ```
 */
export async function openSafetensors(path: string | URL): Promise<TensorReader> {
  const fail = failFor(path);
  using file = await openFile(path);
  const { size } = await file.stat();
  const length = readHeaderLength(await readExactly(file, Math.min(size, LENGTH_BYTES), fail), size, fail);
  const start = LENGTH_BYTES + length;
  const { entries, metadata } = readHeader(await readExactly(file, length, fail), size - start, fail);
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  return {
    entries: byName,
    metadata,
    async read(name, options = {}) {
      const entry = byName.get(name);
      if (!entry) throw new RangeError(`cannot read ${path}: it has no tensor ${name}`);
      using file = await openFile(path);
      await file.seek(start + entry.begin, Deno.SeekMode.Start);
      const { buffer } = await readExactly(file, entry.end - entry.begin, fail);
      return decodeTensor(entry, buffer, { ...options, fail });
    },
  };
}
