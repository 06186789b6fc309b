import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { TOKENIZER_FILES, tokenizerFromFiles } from "../data/tokenizer/tokenizer_files.ts";
import { readJsonObject } from "../io/read_json_object.ts";
import { loadWeights, type LoadWeightsOptions } from "../io/weights.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { modelFolder } from "./model_folder.ts";
import type { HubOptions } from "./settings.ts";

/** A model as its files have it. */
export interface PretrainedFiles {
  /** Where they lie. */
  readonly folder: string;
  /** `config.json`, as it stands there. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Weights by name, on the host. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** Where the folder has a vocabulary. */
  readonly tokenizer?: Tokenizer;
}

/** Options of {@linkcode loadPretrained}. */
export interface LoadPretrainedOptions extends HubOptions, LoadWeightsOptions {}

/**
 * Reads a model of Hugging Face's: from a folder, or by its name on the hub (`org/name`), as {@linkcode modelFolder}
 * finds it. Weights are read one by one, those that `select` wants.
 *
 * Throws an Error that names the file which is missing or wrong, and says why.
 */
export async function loadPretrained(source: string, options: LoadPretrainedOptions = {}): Promise<PretrainedFiles> {
  const folder = await modelFolder(source, options);
  const config = await readJsonObject(`${folder}/config.json`);
  const tokenizer = await readTokenizer(folder);
  return { folder, config, ...tokenizer && { tokenizer }, tensors: await loadWeights(folder, options) };
}

/** Reads a folder's tokenizer, the way {@linkcode tokenizerFromFiles} does; nothing where it has no vocabulary. */
export async function readTokenizer(folder: string): Promise<Tokenizer | undefined> {
  const files: Record<string, Uint8Array> = {};
  for (const name of [...TOKENIZER_FILES, "config.json"]) {
    try {
      files[name] = await Deno.readFile(`${folder}/${name}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  const hasVocabulary = "tokenizer.json" in files || "vocab.txt" in files || "spm.model" in files ||
    "vocab.json" in files && "merges.txt" in files;
  return hasVocabulary ? tokenizerFromFiles(files, `${folder}/`) : undefined;
}
