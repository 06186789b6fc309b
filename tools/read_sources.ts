import { notebookSource } from "./read_imports.ts";

/** Folders that hold nothing of the project's: caches, outputs, and what is hidden. */
const isForeign = (name: string, excluded: readonly string[]) =>
  name.startsWith(".") || name === "node_modules" || excluded.includes(name);

/**
 * The texts of all TypeScript files of the project, and the code of its notebooks, by path from its root.
 *
 * `excluded` are names in the root that do not count.
 */
export function readSources(root: URL, excluded: readonly string[] = []): Map<string, string> {
  const files = new Map<string, string>();
  const visit = (folder: string) => {
    for (const { name, isDirectory, isFile } of Deno.readDirSync(new URL(folder || ".", root))) {
      const path = folder + name;
      if (isForeign(name, folder === "" ? excluded : [])) continue;
      if (isDirectory) visit(`${path}/`);
      else if (isFile && name.endsWith(".ts")) files.set(path, Deno.readTextFileSync(new URL(path, root)));
      else if (isFile && name.endsWith(".ipynb")) {
        files.set(path, notebookSource(Deno.readTextFileSync(new URL(path, root))));
      }
    }
  };
  visit("");
  return files;
}
