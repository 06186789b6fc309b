/** The right to write into a folder; given back at the end of a scope, or when the process dies. */
export interface FolderLock extends Disposable {
  /** The folder, as it was named. */
  readonly folder: string;
}

/** Removes what a process that was killed left half-written: files that never got their final name. */
async function removeUnfinished(folder: string): Promise<void> {
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile && /\.\d+\.tmp$/.test(name)) await Deno.remove(`${folder}/${name}`);
  }
}

/**
 * Makes a folder and takes the right to write into it.
 *
 * Throws an Error where it cannot be made or written, or where another process has that right.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = `${folder}/.lock`;
  const fail = (error: unknown): never => {
    throw new Error(`cannot write into ${folder}: ${(error as Error).message}: choose another folder with --out`, {
      cause: error,
    });
  };
  let file: Deno.FsFile;
  try {
    await Deno.mkdir(`${folder}/runs`, { recursive: true });
    file = await Deno.open(path, { create: true, read: true, write: true });
  } catch (error) {
    return fail(error);
  }
  try {
    if (!await file.tryLock(true)) {
      const owner = (await Deno.readTextFile(path)).trim();
      throw new Deno.errors.Busy(
        `${folder} is in use by another process${owner ? ` (${owner})` : ""}: wait for it, or choose another --out`,
      );
    }
    await file.truncate();
    await file.write(new TextEncoder().encode(`process ${Deno.pid}\n`));
    await removeUnfinished(folder);
    await removeUnfinished(`${folder}/runs`);
  } catch (error) {
    file.close();
    if (error instanceof Deno.errors.Busy) throw error;
    return fail(error);
  }
  return { folder, [Symbol.dispose]: () => file.close() };
}
