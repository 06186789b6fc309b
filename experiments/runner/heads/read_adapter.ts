import { isFile } from "../../../lib/io/is_file.ts";
import { io } from "../../../mod.ts";

/** Whether a folder holds a whole model and no adapter, as a run leaves it that trained what no adapter can hold. */
export async function isWholeModel(folder: string): Promise<boolean> {
  return await isFile(`${folder}/config.json`) && !await isFile(`${folder}/adapter_config.json`);
}

/** Reads an adapter from a folder. Throws an Error where there is none, and says so where the folder is a whole model. */
export async function readAdapter(folder: string): Promise<io.AdapterFiles> {
  if (await isWholeModel(folder)) {
    throw new Error(
      `cannot read an adapter from ${folder}: it is the whole model already, to be used as \`model.name\` ${folder}`,
    );
  }
  return await io.loadAdapter(folder);
}
