import {
  io,
  models,
  random,
  type Tensor,
  type Tokenizer,
  TOKENIZER_FILES,
  type TokenizerFiles,
  tokenizerFromFiles,
} from "../../mod.ts";

/** A model of Hugging Face's with its weights and its tokenizer. */
export interface LoadedModel {
  readonly model: models.PretrainedModel;
  /** All parameters, on the host but for those that were made afresh. */
  readonly base: Readonly<Record<string, Tensor>>;
  readonly tokenizer: Tokenizer;
  /** Most tokens that the model has positions for. */
  readonly maxLength: number;
  /** What was made afresh, left aside, or renamed. */
  readonly report: models.LoadReport;
  /** Its `config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Where its files lie. */
  readonly folder: string;
}

/** Options of {@linkcode loadModel}. */
export interface LoadModelOptions {
  /** Classes, 1 for scores; by default as many as its config has. */
  readonly labels?: number;
  /** Rate of dropout everywhere; by default its config's. */
  readonly dropout?: number;
  /** Of a fresh head, 0 by default. */
  readonly seed?: number;
}

/** A folder's `config.json`. Throws an Error where it is missing or no JSON. */
export async function readConfig(folder: string): Promise<Record<string, unknown>> {
  const path = `${folder}/config.json`;
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    throw new Error(`cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

async function readIfThere(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** The files of a folder's tokenizer, as they are. */
export async function readTokenizerFiles(folder: string): Promise<TokenizerFiles> {
  const files = await Promise.all(TOKENIZER_FILES.map(async (name) => [name, await readIfThere(`${folder}/${name}`)]));
  return Object.fromEntries(files.filter(([, contents]) => contents !== undefined));
}

/**
 * Loads a sequence classifier from a folder in Hugging Face's layout: `config.json`, weights in one safetensors file
 * or several, and the files of a tokenizer. A head that is missing, or is one for another number of classes, is made afresh, and
 * the report says so.
 *
 * Throws an Error that names the file that is missing or wrong.
 */
export async function loadModel(folder: string, options: LoadModelOptions = {}): Promise<LoadedModel> {
  const { labels, dropout, seed = 0 } = options;
  const config = await readConfig(folder);
  const model = models.fromConfig(config, { head: "classification", labels, dropout });
  const { params: base, report } = models.paramsFrom(await io.loadWeights(folder), model, {
    key: random.foldIn(random.key(seed), 1),
    fresh: "mismatched",
  });
  return {
    model,
    base,
    tokenizer: tokenizerFromFiles(await readTokenizerFiles(folder), `${folder}/`),
    maxLength: model.config.maxLength,
    report,
    config,
    folder,
  };
}
