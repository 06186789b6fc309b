import { io, type Tensor } from "../../../mod.ts";
import { hashTensors } from "../model/hash_tensors.ts";

/** Hex sha-256 of tensors and of what a file says beside them. */
async function checksumOf(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>>,
): Promise<string> {
  const byName = (one: string, other: string) => one < other ? -1 : 1;
  const sorted = Object.keys(tensors).sort(byName).map((name) => [name, tensors[name]] as const);
  return await hashTensors(Object.fromEntries(sorted), JSON.stringify(metadata));
}

/** Writes tensors as a safetensors file with their checksum in its metadata. */
export async function saveChecked(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  await io.saveSafetensors(path, tensors, { ...metadata, checksum: await checksumOf(tensors, metadata) });
}

/**
 * Reads what {@linkcode saveChecked} wrote; files of versions that wrote no checksum are read without.
 *
 * Throws an Error where the file cannot be read, or where a byte of it is another than was written.
 */
export async function loadChecked(path: string): Promise<io.SafetensorsFile> {
  let file: io.SafetensorsFile;
  try {
    file = await io.loadSafetensors(path);
  } catch (error) {
    throw new Error(`it cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const { checksum, ...metadata } = file.metadata;
  if (checksum !== undefined && checksum !== await checksumOf(file.tensors, metadata)) {
    throw new Error("it is not what was written: its checksum is another");
  }
  return { ...file, metadata };
}
