import { importModule } from "../../device/import_module.ts";

/** Versions of the libraries that read tables; `deno.json` pins the same ones for their types. */
export const TABLE_LIBRARIES = {
  hyparquet: "1.31.5",
  "hyparquet-compressors": "1.1.2",
  papaparse: "5.7.1",
} as const;

/** Loads a library when the first file asks for it. */
export async function npmModule<Module>(name: keyof typeof TABLE_LIBRARIES): Promise<Module> {
  return await importModule("npm", `${name}@${TABLE_LIBRARIES[name]}`);
}
