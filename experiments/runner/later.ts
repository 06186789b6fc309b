/**
 * A module of the project that is loaded once it is needed, so that `--help` and refusals come without it: Arrow's library,
 * that for figures and YAML's cost more to read than all the rest of a command. Its address is computed, as Deno reads
 * what a literal one names before a program begins.
 *
 * @param path Where it lies from the file that asks
 * @param from `import.meta.url` of that file
 */
export async function later<Module>(path: string, from: string): Promise<Module> {
  return await import(new URL(path, from).href);
}
