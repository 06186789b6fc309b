/** Versions of the libraries that read tables; `deno.json` pins the same ones for their types. */
export const TABLE_LIBRARIES = {
  hyparquet: "1.31.5",
  "hyparquet-compressors": "1.1.2",
  papaparse: "5.7.1",
} as const;

/**
 * Loads a library when the first file asks for it. Its specifier is computed, so that bundlers for browsers do not
 * follow it.
 */
export async function npmModule<Module>(name: keyof typeof TABLE_LIBRARIES): Promise<Module> {
  const specifier = ["npm", `${name}@${TABLE_LIBRARIES[name]}`].join(":");
  return await import(specifier) as Module;
}
