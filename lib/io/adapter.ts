import type { Tensor } from "../tensor/tensor.ts";
import { readJsonObject } from "./read_json_object.ts";
import { isFile } from "./is_file.ts";
import { loadSafetensors, saveSafetensors } from "./safetensors.ts";
import { writeAtomically } from "./write_atomically.ts";

/** An adapter in Hugging Face PEFT's format, as two files of one folder. */
export interface AdapterFiles {
  /** The fields of `adapter_config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The tensors of `adapter_model.safetensors` under PEFT's names. */
  readonly tensors: Readonly<Record<string, Tensor>>;
}

/**
 * Writes an adapter into a folder, which is made where it is missing: `adapter_config.json` and
 * `adapter_model.safetensors`, the files of PEFT's `save_pretrained`.
 *
 * Throws an Error where a file cannot be written.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const folder = await Deno.makeTempDir();
 * const tensors = { "base_model.model.query.lora_A.weight": dd.tensor([[1, 2]]) };
 * await dd.io.saveAdapter(folder, { config: { peft_type: "LORA", r: 1 }, tensors });
 * console.log(JSON.parse(await Deno.readTextFile(`${folder}/adapter_config.json`))); // { peft_type: "LORA", r: 1 }
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function saveAdapter(folder: string, { config, tensors }: AdapterFiles): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await saveSafetensors(`${folder}/adapter_model.safetensors`, tensors, { format: "pt" });
  await writeAtomically(`${folder}/adapter_config.json`, `${JSON.stringify(config, null, 2)}\n`);
}

/**
 * Reads an adapter from a folder, in PEFT's format; its tensors are on the host. `peft.adapterMethod` makes a method of
 * it.
 *
 * Throws an Error where a file is missing or broken, which says which; of an older `adapter_model.bin` it says how to
 * make safetensors of it.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const folder = await Deno.makeTempDir();
 * const tensors = { "base_model.model.query.lora_A.weight": dd.tensor([[1, 2]]) };
 * await dd.io.saveAdapter(folder, { config: { peft_type: "LORA", r: 1 }, tensors });
 * const adapter = await dd.io.loadAdapter(folder);
 * console.log(adapter.config, Object.values(adapter.tensors)[0].shape); // { peft_type: "LORA", r: 1 } [1, 2]
 * await Deno.remove(folder, { recursive: true });
 * ```
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
