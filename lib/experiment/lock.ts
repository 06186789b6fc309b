/** The right to write into a folder; given back at the end of a scope, or when the process dies. */
export interface FolderLock extends Disposable {
  readonly folder: string;
}

/**
 * Makes a folder and takes the right to write into it.
 *
 * Throws an Error where it cannot be made or written, or where another process has that right.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = `${folder}/.lock`;
  let file: Deno.FsFile;
  try {
    await Deno.mkdir(`${folder}/runs`, { recursive: true });
    file = await Deno.open(path, { create: true, read: true, write: true });
  } catch (error) {
    throw new Error(`cannot write into ${folder}: ${(error as Error).message}: choose another folder with --out`);
  }
  if (!await file.tryLock(true)) {
    file.close();
    const owner = (await Deno.readTextFile(path).catch(() => "")).trim();
    throw new Error(
      `${folder} is in use by another process${owner ? ` (${owner})` : ""}: wait for it, or choose another --out`,
    );
  }
  await file.truncate();
  await file.write(new TextEncoder().encode(`process ${Deno.pid}\n`));
  return { folder, [Symbol.dispose]: () => file.close() };
}
