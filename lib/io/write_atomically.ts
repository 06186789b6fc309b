import { messageOf } from "../text/message_of.ts";

/** Writes under way in this process get names of their own. */
let written = 0;
/** Their files. */
const unfinished = new Set<string>();

/** What a file is to hold: text, bytes, or parts one after the other. */
export type Contents = string | Uint8Array | AsyncIterable<Uint8Array<ArrayBuffer>>;

/**
 * Writes a file under another name beside it and renames it, so that nobody finds half of it; a failed write leaves
 * nothing.
 *
 * Throws an Error that names the file where it cannot be written.
 *
 * @example
 * ```ts
 * import { io } from "@delta-dawn/delta-lora";
 *
 * const folder = await Deno.makeTempDir();
 * await io.writeAtomically(`${folder}/report.md`, "# Report\n");
 * console.log([...Deno.readDirSync(folder)].map(({ name }) => name)); // ["report.md"]
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function writeAtomically(path: string, contents: Contents): Promise<void> {
  const fresh = `${path}.${Deno.pid}.${++written}.tmp`;
  unfinished.add(fresh);
  try {
    if (typeof contents === "string") await Deno.writeTextFile(fresh, contents);
    else await Deno.writeFile(fresh, contents instanceof Uint8Array ? contents : ReadableStream.from(contents));
    await Deno.rename(fresh, path);
  } catch (error) {
    await Deno.remove(fresh).catch(() => {}); // it may never have been made
    throw new Error(`cannot write ${path}: ${messageOf(error)}`, { cause: error });
  } finally {
    unfinished.delete(fresh);
  }
}

/**
 * Whether a file's name is that of a write of {@linkcode writeAtomically} under way, or of one whose process was
 * killed.
 *
 * @example
 * ```ts
 * import { io } from "@delta-dawn/delta-lora";
 *
 * console.log(io.isUnfinished("report.md.4711.1.tmp"), io.isUnfinished("report.md")); // true false
 * ```
 */
export function isUnfinished(name: string): boolean {
  return /\.\d+\.tmp$/.test(name);
}

/**
 * Removes what this process is writing at the moment: for a process that ends at once.
 *
 * @example
 * ```ts
 * import { io } from "@delta-dawn/delta-lora";
 *
 * addEventListener("unload", () => io.removeUnfinished()); // also where Deno.exit() ends the process
 * ```
 */
export function removeUnfinished(): void {
  for (const path of unfinished) {
    try {
      Deno.removeSync(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // it was not made yet
    }
  }
}
