/** A repository in the cache, laid out the way Python's huggingface_hub does: contents by hash, names by commit. */
export interface CachedRepo {
  /** `models--org--name`. */
  readonly folder: string;
  /** Where the files of a commit have their names. */
  snapshot(commit: string): string;
  /** Where the contents with a hash lie. */
  blob(hash: string): string;
  /** The commit that a branch or tag was when it was last asked for. */
  readRef(revision: string): Promise<string | undefined>;
  /** Notes the commit of a branch or tag. */
  writeRef(revision: string, commit: string): Promise<void>;
  /** Gives contents a name in a commit. */
  link(commit: string, path: string, hash: string): Promise<void>;
  /** Waits for the right to fetch the contents with a hash, which other programs respect; ends with its scope. */
  lock(hash: string): Promise<Disposable>;
}

/** A commit's full hash. */
export const COMMIT = /^[0-9a-f]{40}$/;

/** The place of a repository inside a cache. */
export function cachedRepo(cacheDir: string, id: string): CachedRepo {
  const name = `models--${id.replaceAll("/", "--")}`;
  const folder = `${cacheDir}/${name}`;
  const snapshot = (commit: string) => `${folder}/snapshots/${commit}`;
  const blob = (hash: string) => `${folder}/blobs/${hash}`;
  return {
    folder,
    snapshot,
    blob,
    async readRef(revision) {
      if (COMMIT.test(revision)) return revision;
      try {
        return (await Deno.readTextFile(`${folder}/refs/${revision}`)).trim();
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    },
    async writeRef(revision, commit) {
      if (revision === commit) return;
      const path = `${folder}/refs/${revision}`;
      await Deno.mkdir(parentOf(path), { recursive: true });
      await Deno.writeTextFile(path, commit);
    },
    async link(commit, path, hash) {
      const name = `${snapshot(commit)}/${path}`;
      await Deno.mkdir(parentOf(name), { recursive: true });
      const up = "../".repeat(path.split("/").length + 1);
      try {
        await Deno.symlink(`${up}blobs/${hash}`, name);
      } catch (error) {
        if (error instanceof Deno.errors.AlreadyExists) return;
        // Where links are not allowed the file itself takes the name, as in Python.
        await Deno.rename(blob(hash), name);
      }
    },
    async lock(hash) {
      const path = `${cacheDir}/.locks/${name}/${hash}.lock`;
      await Deno.mkdir(parentOf(path), { recursive: true });
      const file = await Deno.open(path, { create: true, write: true });
      await file.lock(true);
      return { [Symbol.dispose]: () => file.close() };
    },
  };
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
