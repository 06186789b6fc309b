import { CHAT_TEMPLATE_FILE } from "../data/tokenizer/chat_template_of.ts";
import { TOKENIZER_FILES } from "../data/tokenizer/tokenizer_files.ts";
import { isFile } from "../io/is_file.ts";
import { parseWeightsIndex, WEIGHTS_FILE, WEIGHTS_INDEX_FILE } from "../io/weights.ts";
import { cachedRepo, COMMIT } from "./cache.ts";
import { downloadBlob } from "./download_blob.ts";
import { listRepo, type RepoFile } from "./list_repo.ts";
import { requestFor } from "./request.ts";
import { type HubOptions, hubSettings } from "./settings.ts";

/** Settings of generation, and tokens with a meaning. */
export const GENERATION_CONFIG_FILE = "generation_config.json";

/** Files beside the weights that are fetched where a repository has them. */
const SMALL_FILES: ReadonlySet<string> = new Set([
  "config.json",
  GENERATION_CONFIG_FILE,
  "adapter_config.json",
  "adapter_model.safetensors",
  CHAT_TEMPLATE_FILE,
  ...TOKENIZER_FILES,
]);

/**
 * The folder with a model's files: `source` itself where it is a folder, or else what the hub has under that name
 * (`org/name`), fetched into the cache that Python's libraries use where it is not there yet, as `snapshot_download` of
 * huggingface_hub does. Of a repository only config, tokenizer, and weights and adapters as safetensors are fetched.
 *
 * Throws a NotFound where there is neither, a PermissionDenied where the hub wants a token, an InvalidData where what
 * arrived is not what the hub listed, and a RangeError where no revision can be called so; each says what to do.
 *
 * @example
 * ```ts
 * import { hub } from "@delta-dawn/delta-lora";
 *
 * const folder = await Deno.makeTempDir();
 * console.log(await hub.modelFolder(`${folder}/`) === folder); // true
 * const missing = hub.modelFolder("org/name", { offline: true, cacheDir: folder });
 * console.log(await missing.catch((error) => error.name)); // NotFound
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function modelFolder(source: string, options: HubOptions = {}): Promise<string> {
  if (await isFolder(source)) return source.replace(/(?<=.)\/+$/, "");
  if (!/^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/.test(source) || /--|\.\./.test(source)) {
    throw new Deno.errors.NotFound(
      `cannot find a model at ${source}: there is no such folder, nor can a hub's name be so`,
    );
  }
  const settings = await hubSettings(options);
  const { revision, cacheDir, endpoint } = settings;
  if (!/^[\w-][\w./-]*$/.test(revision) || /\.\.|\/\/|\/$/.test(revision)) {
    throw new RangeError(`cannot find ${source} at ${JSON.stringify(revision)}: no branch, tag or commit is called so`);
  }
  const repo = cachedRepo(cacheDir, source);
  if (settings.offline) {
    const commit = await repo.readRef(revision);
    if (commit !== undefined && COMMIT.test(commit) && await isFolder(repo.snapshot(commit))) {
      return repo.snapshot(commit);
    }
    throw new Deno.errors.NotFound(
      `cannot find ${source} at ${revision}: it is not in the cache ${cacheDir}, and offline it cannot be fetched`,
    );
  }
  const request = requestFor(source, settings, options.signal);
  const { commit, files } = await listRepo(source, settings, request);
  await repo.writeRef(revision, commit);
  const fetchFile = async (file: RepoFile): Promise<string> => {
    const name = `${repo.snapshot(commit)}/${file.path}`;
    if (await isFile(name)) return name;
    using _held = await repo.lock(file.hash);
    const path = repo.blob(file.hash);
    if (!await isFile(path)) {
      await Deno.mkdir(`${repo.folder}/blobs`, { recursive: true });
      const url = `${endpoint}/${source}/resolve/${commit}/${file.path.split("/").map(encodeURIComponent).join("/")}`;
      await downloadBlob(request, { file, url, path, onProgress: options.onProgress });
    }
    await repo.link(commit, file.path, file.hash);
    return name;
  };
  for (const file of files) if (SMALL_FILES.has(file.path)) await fetchFile(file);
  const find = (path: string) => files.find((file) => file.path === path);
  const [whole, index] = [find(WEIGHTS_FILE), find(WEIGHTS_INDEX_FILE)];
  if (whole) await fetchFile(whole);
  else if (index) {
    const text = await Deno.readTextFile(await fetchFile(index));
    for (const path of parseWeightsIndex(text, `${source}/${WEIGHTS_INDEX_FILE}`).keys()) {
      const file = find(path);
      if (!file) {
        throw new Deno.errors.NotFound(
          `cannot fetch ${source}: its ${WEIGHTS_INDEX_FILE} names ${path}, which it lacks`,
        );
      }
      await fetchFile(file);
    }
  }
  return repo.snapshot(commit);
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}
