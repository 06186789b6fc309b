import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { CHAT_TEMPLATE_FILE } from "../data/tokenizer/chat_template_of.ts";
import { TOKENIZER_FILES, tokenizerFromFiles } from "../data/tokenizer/tokenizer_files.ts";
import { isFile } from "../io/is_file.ts";
import { readJsonObject } from "../io/read_json_object.ts";
import { loadWeights, type LoadWeightsOptions } from "../io/weights.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { GENERATION_CONFIG_FILE, modelFolder } from "./model_folder.ts";
import type { HubOptions } from "./settings.ts";

/** A model as its files have it. */
export interface PretrainedFiles {
  /** The folder in which the files lie. */
  readonly folder: string;
  /**
   * What `config.json` says, as it stands there, with those tokens of a meaning that `generation_config.json` alone names,
   * as transformers 5 writes them (`forced_bos_token_id`); `models.fromConfig` makes a model of it.
   */
  readonly config: Readonly<Record<string, unknown>>;
  /** What `generation_config.json` says, where there is one. */
  readonly generationConfig?: Readonly<Record<string, unknown>>;
  /** Weights by name, on the host; `models.paramsFrom` makes parameters of them. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** The tokenizer, where the folder has a vocabulary. */
  readonly tokenizer?: Tokenizer;
}

/** Options of {@linkcode loadPretrained}. */
export interface LoadPretrainedOptions extends HubOptions, LoadWeightsOptions {}

/** Fields of tokens. */
function tokensOf(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([name]) => name.endsWith("_token_id")));
}

/**
 * Reads a model of Hugging Face's: from a folder, or by its name on the hub (`org/name`), found by
 * {@linkcode modelFolder}. Weights are read one by one, those that `select` wants, and all of them by default.
 *
 * Throws an Error that names the file which is missing or wrong, and says why.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const folder = await Deno.makeTempDir(); // or a name, such as "microsoft/MiniLM-L12-H384-uncased"
 * await Deno.writeTextFile(`${folder}/config.json`, `{"model_type": "bert"}`);
 * await dd.io.saveSafetensors(`${folder}/model.safetensors`, { "pooler.dense.bias": dd.tensor([0, 0]) });
 * const { config, tensors, tokenizer } = await dd.hub.loadPretrained(folder);
 * console.log(config, Object.keys(tensors), tokenizer); // { model_type: "bert" } ["pooler.dense.bias"] undefined
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function loadPretrained(source: string, options: LoadPretrainedOptions = {}): Promise<PretrainedFiles> {
  const folder = await modelFolder(source, options);
  const config = await readJsonObject(`${folder}/config.json`);
  const own = `${folder}/${GENERATION_CONFIG_FILE}`;
  const generationConfig = await isFile(own) ? await readJsonObject(own) : undefined;
  const tokenizer = await readTokenizer(folder);
  return {
    folder,
    config: { ...tokensOf(generationConfig ?? {}), ...config },
    ...generationConfig && { generationConfig },
    ...tokenizer && { tokenizer },
    tensors: await loadWeights(folder, options),
  };
}

/**
 * Reads a folder's tokenizer, the way {@linkcode tokenizerFromFiles} does; `undefined` where the folder has no
 * vocabulary.
 *
 * Throws a SyntaxError that names the file and its fault.
 *
 * @example
 * ```ts
 * import { hub } from "@delta-dawn/delta-lora";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${folder}/vocab.txt`, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ncat\n##s\n");
 * const tokenizer = await hub.readTokenizer(folder);
 * console.log(tokenizer?.encode("cats").ids); // [2, 5, 6, 3]
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function readTokenizer(folder: string): Promise<Tokenizer | undefined> {
  const files: Record<string, Uint8Array> = {};
  for (const name of [...TOKENIZER_FILES, CHAT_TEMPLATE_FILE, "config.json"]) {
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
