import type { Hash } from "node:crypto";
import type { RepoFile } from "./list_repo.ts";
import type { HubRequest } from "./request.ts";
import type { DownloadProgress } from "./settings.ts";
import { importModule } from "../device/import_module.ts";

/** A file to fetch. */
export interface BlobRequest {
  readonly file: RepoFile;
  readonly url: string;
  /** Where it will lie. */
  readonly path: string;
  readonly onProgress?: (progress: DownloadProgress) => void;
}

/** Connections in a row that may end without a byte. */
const MAX_FRUITLESS = 3;

/**
 * Fetches a file's contents under another name, goes on where an earlier attempt or a cut connection ended, checks
 * length and hash, and gives it its name: what @huggingface/hub 2.17's own download does not do.
 *
 * Throws an Error that says what to do; what has arrived then stays for the next attempt, unless it is wrong.
 */
export async function downloadBlob(request: HubRequest, { file, url, path, onProgress }: BlobRequest): Promise<void> {
  const partial = `${path}.incomplete`;
  let loaded = await sizeOf(partial);
  if (loaded > file.size) loaded = 0;
  for (let [best, fruitless] = [loaded, 0]; loaded < file.size;) {
    const cut = await append(request, { file, url, partial, loaded, onProgress });
    loaded = await sizeOf(partial);
    fruitless = loaded > best ? 0 : fruitless + 1;
    best = Math.max(best, loaded);
    if (loaded < file.size && fruitless === MAX_FRUITLESS) {
      throw new Deno.errors.ConnectionReset(
        `cannot fetch ${file.path}: the connection ended at ${loaded} of ${file.size} bytes` +
          `${cut ? ` (${cut.message})` : ""}: run it again to go on from there`,
        { cause: cut },
      );
    }
  }
  if (file.size === 0) await Deno.writeFile(partial, new Uint8Array());
  if (loaded > file.size) return await discard(partial, file, `length ${loaded}, not ${file.size}`);
  const hash = await hashOf(partial, file);
  if (hash !== file.hash) return await discard(partial, file, `hash ${hash}, not ${file.hash}`);
  await Deno.rename(partial, path);
}

async function discard(partial: string, file: RepoFile, what: string): Promise<never> {
  await Deno.remove(partial);
  throw new Deno.errors.InvalidData(
    `cannot fetch ${file.path}: what arrived has the ${what}: it was thrown away, run it again`,
  );
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

/** Writes what one connection gives behind what is there; gives back why it was cut, if it was. */
async function append(
  request: HubRequest,
  { file, url, partial, loaded, onProgress }: Omit<BlobRequest, "path"> & { partial: string; loaded: number },
): Promise<Error | undefined> {
  const response = await request(url, loaded > 0 ? { headers: { range: `bytes=${loaded}-` } } : {});
  if (response.status === 416) {
    await response.body?.cancel();
    return await discard(partial, file, `length ${loaded}, not ${file.size}`);
  }
  const from = response.status === 206 ? Number(response.headers.get("content-range")?.match(/^bytes (\d+)-/)?.[1]) : 0;
  using output = await Deno.open(partial, { create: true, write: true });
  // A server that does not know ranges sends all of it: begin again.
  const goesOn = from === loaded;
  if (!goesOn) await output.truncate(0);
  await output.seek(goesOn ? loaded : 0, Deno.SeekMode.Start);
  let total = goesOn ? loaded : 0;
  if (!goesOn && from !== 0) return void await response.body?.cancel();
  const reader = response.body!.getReader();
  try {
    while (total <= file.size) {
      const part = await reader.read().catch((error) => {
        if (error instanceof TypeError) return error; // fetch's way to say that the connection was cut
        throw error;
      });
      if (part instanceof TypeError) return part;
      if (part.done) break;
      for (let rest = part.value; rest.length > 0;) rest = rest.subarray(await output.write(rest));
      total += part.value.length;
      onProgress?.({ file: file.path, loaded: total, total: file.size });
    }
  } finally {
    await reader.cancel().catch(() => {}); // what was cut cannot be cancelled, too
  }
}

async function hashOf(path: string, { size, algorithm }: RepoFile): Promise<string> {
  const { createHash } = await importModule<typeof import("node:crypto")>("node", "crypto");
  const hash: Hash = createHash(algorithm === "git" ? "sha1" : "sha256");
  if (algorithm === "git") hash.update(`blob ${size}\0`);
  for await (const part of (await Deno.open(path)).readable) hash.update(part);
  return hash.digest("hex");
}
