import { hub, models, random, type Tensor } from "../../../mod.ts";
import type { Tokenizer } from "../../../lib/data/mod.ts";
import { requireName } from "../../../lib/text/nearest.ts";
import { SUITE, suiteModelFolder } from "../../suite/suite_folder.ts";

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

/** Parameters of a head's last layer, which has an output for each class. */
export function outputNames({ headNames }: models.PretrainedModel): string[] {
  const layer = headNames.at(-1)!.replace(/[^.]+$/, "");
  return headNames.filter((name) => name.startsWith(layer));
}

/** Flags that name a model. */
export interface ModelFlags {
  readonly model?: string;
  readonly revision?: string;
  readonly offline?: boolean;
  readonly weights?: string;
}

/** How the matrices of a model are kept that nothing trains. */
export type StoredWeights = "f32" | "f16";

/** What `--weights` says. Throws a RangeError where that is neither f32 nor f16. */
export function weightsOf({ weights = "f32" }: ModelFlags): StoredWeights {
  return requireName("value of --weights", weights, ["f32", "f16"]);
}

/** What flags that name a model mean, for help texts. */
export const MODEL_HELP = `  --model DIR|NAME|suite
                     a folder in Hugging Face's layout (config.json, safetensors, a tokenizer's files), or a model of
                     the hub, org/name, which is fetched into the cache that Python's libraries use; suite for the
                     small encoder that ships with the project
  --revision NAME    branch, tag or commit of the hub, main by default
  --offline          uses what is in that cache alone`;

/** What `--weights` means, for help texts. */
export const WEIGHTS_HELP =
  `  --weights f32|f16  how matrices and embeddings are kept that nothing trains, f32 by default; f16 takes half the
                     memory, all sums are f32; what files have as F32 or BF16 is rounded to it when it is read`;

/** The folder of the model that flags name. Throws an Error where there is none, and what fetching throws. */
export async function findModel({ model, revision, offline }: ModelFlags): Promise<string> {
  if (model === undefined) {
    throw new RangeError("--model is missing: a folder in Hugging Face's layout, a name of the hub, or suite");
  }
  if (model === SUITE) return await suiteModelFolder();
  const seen = new Set<string>();
  return await hub.modelFolder(model, {
    revision,
    offline: offline || undefined,
    onProgress({ file, total }) {
      if (!seen.has(file)) console.error(`fetching ${file} of ${model}: ${(total / 2 ** 20).toFixed(1)} MiB`);
      seen.add(file);
    },
  });
}

/** Options of {@linkcode loadModel}. */
export interface LoadModelOptions {
  /** Classes, 1 for scores; by default as many as its config has. */
  readonly labels?: number;
  /** Rate of dropout everywhere; by default its config's. */
  readonly dropout?: number;
  /** Of a fresh head, 0 by default. */
  readonly seed?: number;
  /** How matrices and tables are kept, the head's aside; f32 by default. */
  readonly weights?: StoredWeights;
  /** Whether the head's last layer is made afresh where there is one that fits, too; false by default. */
  readonly freshHead?: boolean;
}

/** Throws a RangeError where a tokenizer has ids that a model has no embeddings for. */
export function requireVocabulary(folder: string, tokenizer: Tokenizer, vocabSize: number): void {
  const largest = tokenizer.vocabSize - 1;
  if (largest < vocabSize) return;
  throw new RangeError(
    `cannot use ${folder}: its tokenizer has ids up to ${largest}, and the model's vocabulary ends before ${vocabSize} ` +
      "(vocab_size in config.json): they are not of one model",
  );
}

/**
 * Loads a sequence classifier from a folder in Hugging Face's layout. A head that is missing, or is one for another
 * number of classes, is made afresh, and the report says so.
 *
 * Throws an Error that names the file that is missing or wrong.
 */
export async function loadModel(folder: string, options: LoadModelOptions = {}): Promise<LoadedModel> {
  const { labels, dropout, seed = 0, weights = "f32", freshHead = false } = options;
  const { config, tensors, tokenizer } = await hub.loadPretrained(folder, { halves: weights });
  if (!tokenizer) throw new Error(`cannot use ${folder}: it has no tokenizer.json, nor the older files of a tokenizer`);
  // What a new head is for is not what the old one was for.
  const { problem_type: _, ...unbound } = config;
  const model = models.fromConfig(freshHead ? unbound : config, { head: "classification", labels, dropout });
  requireVocabulary(folder, tokenizer, model.config.vocabSize);
  const dropped = new Set(freshHead ? outputNames(model) : []);
  const kept = Object.fromEntries(Object.entries(tensors).filter(([name]) => !dropped.has(name)));
  const { params: base, report } = models.paramsFrom(kept, model, {
    key: random.foldIn(random.key(seed), 1),
    fresh: "mismatched",
    dtype: weights,
  });
  return { model, base, tokenizer, maxLength: model.config.maxLength, report, config, folder };
}
