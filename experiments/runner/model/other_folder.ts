import { isFile } from "../../../lib/io/is_file.ts";
import { hub } from "../../../mod.ts";

/** Where a path leads, links and all, also where its end is not there yet. */
async function realPath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const [, parent, name] = /^(.*?)\/*([^/]*)\/*$/s.exec(path)!;
  if (name === "" || name === "." || name === "..") return path;
  const above = parent === "" && path.startsWith("/") ? "/" : parent || ".";
  return `${(await realPath(above)).replace(/\/$/, "")}/${name}`;
}

/**
 * Throws a RangeError where a folder for a whole model holds an adapter: transformers would load it on top of the model.
 */
export async function requireNoAdapter(out: string): Promise<void> {
  if (!await isFile(`${out}/adapter_config.json`)) return;
  throw new RangeError(
    `cannot write a model into ${out} as it holds an adapter, which transformers would add to it: choose another ` +
      "with `out`",
  );
}

/**
 * Throws a RangeError where the folder that a command writes into is one that it reads, by whatever path, or lies in the
 * hub's cache. Folders to read are named by what they are in a spec, or by the option.
 */
export async function requireOtherFolder(
  out: string,
  read: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const own = await realPath(out);
  for (const [path, folder] of Object.entries(read)) {
    if (folder === undefined || await realPath(folder) !== own) continue;
    throw new RangeError(
      `cannot write into ${out} as it is the folder of \`${path}\`, which would be written over: choose another ` +
        "with `out`",
    );
  }
  const cache = await realPath((await hub.hubSettings()).cacheDir);
  if (`${own}/`.startsWith(`${cache}/`)) {
    throw new RangeError(
      `cannot write into ${out} as it lies in the hub's cache, ${cache}, which is for what is fetched: choose another ` +
        "with `out`",
    );
  }
}
