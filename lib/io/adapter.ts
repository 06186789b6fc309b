import type { Tensor } from "../tensor/tensor.ts";
import { readJsonObject } from "./read_json_object.ts";
import { loadSafetensors, saveSafetensors } from "./safetensors.ts";
import { writeAtomically } from "./write_atomically.ts";

/** An adapter in Hugging Face PEFT's format. */
export interface AdapterFiles {
  /** `adapter_config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** `adapter_model.safetensors`. */
  readonly tensors: Readonly<Record<string, Tensor>>;
}

/** Writes an adapter into a folder, which is made: `adapter_config.json` and `adapter_model.safetensors`. */
export async function saveAdapter(folder: string, { config, tensors }: AdapterFiles): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await saveSafetensors(`${folder}/adapter_model.safetensors`, tensors, { format: "pt" });
  await writeAtomically(`${folder}/adapter_config.json`, `${JSON.stringify(config, null, 2)}\n`);
}

/** Reads an adapter from a folder. Throws where a file is missing or broken, and says which. */
export async function loadAdapter(folder: string): Promise<AdapterFiles> {
  const config = await readJsonObject(`${folder}/adapter_config.json`);
  return { config, tensors: (await loadSafetensors(`${folder}/adapter_model.safetensors`)).tensors };
}
