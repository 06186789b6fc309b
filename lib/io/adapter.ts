import type { Tensor } from "../tensor/tensor.ts";
import { readJsonObject } from "./read_json_object.ts";
import { isFile } from "./is_file.ts";
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

/**
 * Reads an adapter from a folder.
 *
 * Throws an Error where a file is missing or broken, which says which; of an older adapter_model.bin how to make safetensors
 * of it.
 */
export async function loadAdapter(folder: string): Promise<AdapterFiles> {
  const config = await readJsonObject(`${folder}/adapter_config.json`);
  const [path, old] = [`${folder}/adapter_model.safetensors`, `${folder}/adapter_model.bin`];
  if (!await isFile(path) && await isFile(old)) {
    throw new Deno.errors.NotFound(
      `cannot read ${path}: there is only adapter_model.bin, of which Python makes it: import torch; ` +
        `from safetensors.torch import save_file; w = torch.load("${old}", map_location="cpu", weights_only=True); ` +
        `save_file({k: v.clone().contiguous() for k, v in w.items()}, "${path}")`,
    );
  }
  return { config, tensors: (await loadSafetensors(path)).tensors };
}
