import { isUnfinished } from "../../io/mod.ts";
import { messageOf } from "../../text/message_of.ts";

/** The right to write into a folder; it is given back at the end of a `using` scope, or when the process dies. */
export interface FolderLock extends Disposable {
  /** The folder, as it was named. */
  readonly folder: string;
}

/** The file whose lock is the right to write into its folder; there as long as somebody has it, or was killed. */
const LOCK_FILE = ".lock";

/** Folders within a folder of records, which belong to whoever owns that. */
const WITHIN = ["runs", "trained"] as const;

/** Options of {@linkcode lockFolder}. */
export interface LockFolderOptions {
  /** Names of the folders within it that are cleared as well; by default those of records, `runs` and `trained`. */
  readonly within?: readonly string[];
}

/** Removes what a process that was killed left half-written: files that never got their final name. */
async function removeUnfinished(folder: string): Promise<void> {
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile && isUnfinished(name)) await Deno.remove(`${folder}/${name}`);
  }
}

/** What is there under a path. */
async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Removes leftovers from a folder and those within it that have no owner of their own. */
async function clear(folder: string, within: readonly string[]): Promise<void> {
  await removeUnfinished(folder);
  for (const name of within) {
    const inner = `${folder}/${name}`;
    const isOwn = (await statOf(inner))?.isDirectory && !await statOf(`${inner}/${LOCK_FILE}`);
    if (isOwn) await removeUnfinished(inner);
  }
}

/** Whether a file is still what its path names: an owner that gives a folder back takes the file away. */
async function isStill(file: Deno.FsFile, path: string): Promise<boolean> {
  const [own, there] = [await file.stat(), await statOf(path)];
  return there !== undefined && own.ino === there.ino && own.dev === there.dev;
}

/** Opens a folder's lock file and locks it. Throws Busy where another has it, and names its process. */
async function acquire(folder: string): Promise<Deno.FsFile> {
  const path = `${folder}/${LOCK_FILE}`;
  for (;;) {
    const file = await Deno.open(path, { create: true, read: true, write: true });
    try {
      if (!await file.tryLock(true)) {
        const owner = (await Deno.readTextFile(path).catch(() => "")).trim(); // it may be given back just now
        throw new Deno.errors.Busy(
          `${folder} is in use by another process${owner ? ` (${owner})` : ""}: wait for it, or choose another \`out\``,
        );
      }
      if (await isStill(file, path)) return file;
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
  }
}

/** Takes a lock's file away, unless its folder has gone already, and gives the lock back. */
function release(file: Deno.FsFile, folder: string): void {
  try {
    Deno.removeSync(`${folder}/${LOCK_FILE}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  } finally {
    file.close();
  }
}

/**
 * Makes a folder and takes the right to write into it; what a killed process left half-written there is removed.
 *
 * Throws a Busy that names its process where another one has that right, and an Error where the folder cannot be made
 * or written.
 *
 * @example
 * ```ts
 * import { lockFolder } from "@delta-dawn/delta-lora/experiment";
 *
 * const folder = await Deno.makeTempDir();
 * const lock = await lockFolder(folder);
 * console.log(await lockFolder(folder).catch((error) => error.name)); // Busy
 * lock[Symbol.dispose](); // or `using lock = …`, at the end of its scope
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function lockFolder(
  folder: string,
  { within = WITHIN }: LockFolderOptions = {},
): Promise<FolderLock> {
  const fail = (error: unknown): never => {
    if (error instanceof Deno.errors.Busy) throw error;
    throw new Error(`cannot write into ${folder}: ${messageOf(error)}: choose another folder with \`out\``, {
      cause: error,
    });
  };
  let file: Deno.FsFile;
  try {
    await Deno.mkdir(folder, { recursive: true });
    file = await acquire(folder);
  } catch (error) {
    return fail(error);
  }
  try {
    await file.truncate();
    await file.write(new TextEncoder().encode(`process ${Deno.pid}\n`));
    await clear(folder, within);
  } catch (error) {
    release(file, folder);
    return fail(error);
  }
  return { folder, [Symbol.dispose]: () => release(file, folder) };
}
