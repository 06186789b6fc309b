import { importModule } from "../../device/import_module.ts";

/** Versions of the libraries that read tables and chat templates; `deno.json` pins the same ones for their types. */
export const DATA_LIBRARIES = {
  "@huggingface/jinja": "0.5.11",
  hyparquet: "1.31.5",
  "hyparquet-compressors": "1.1.2",
  papaparse: "5.7.1",
} as const;

/** Loads a library when the first file or template asks for it. */
export async function npmModule<Module>(name: keyof typeof DATA_LIBRARIES): Promise<Module> {
  return await importModule("npm", `${name}@${DATA_LIBRARIES[name]}`);
}
