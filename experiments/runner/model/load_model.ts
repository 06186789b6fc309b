import { hub, models, random, type Tensor } from "../../../mod.ts";
import type { Tokenizer } from "../../../lib/data/mod.ts";
import { sizeOfModel } from "../../suite/encoders.ts";
import { suiteModelFolder } from "../../suite/suite_folder.ts";
import { suiteLanguageModelFolder, TEXT_MODELS, type TextModelKind } from "../../suite/texts/mod.ts";
import type { GenerationFiles } from "./text_writer.ts";
import { mebibytes } from "../../../lib/text/mebibytes.ts";

/** A classifier as functions of its parameters, and what is known of it: one of Hugging Face's, or one's own. */
export interface ClassifierModel
  extends Pick<models.PretrainedModel, "apply" | "headNames" | "loraTargets" | "classPrefix" | "transposed"> {
  readonly config: Pick<
    models.PretrainedConfig,
    "architecture" | "labels" | "labelNames" | "problem" | "vocabSize" | "maxLength" | "unusedKeys"
  >;
}

/** A model with its weights and its tokenizer. */
export interface LoadedModel {
  readonly model: ClassifierModel;
  /** All parameters, on the host but for those that were made afresh. */
  readonly base: Readonly<Record<string, Tensor>>;
  readonly tokenizer: Tokenizer;
  /** Most tokens that the model has positions for. */
  readonly maxLength: number;
  /** What was made afresh, left aside, or renamed. */
  readonly report: models.LoadReport;
  /** Its `config.json`, which one's own has not. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Where its files lie; of one's own its module. */
  readonly folder: string;
}

/** Parameters of a head's last layer, which has an output for each class. */
export function outputNames({ headNames }: Pick<ClassifierModel, "headNames">): string[] {
  const layer = headNames.at(-1)!.replace(/[^.]+$/, "");
  return headNames.filter((name) => name.startsWith(layer));
}

/** What names a model. */
export interface ModelSource {
  /** A folder in Hugging Face's layout, a name on the hub, `suite`, `suite-base`, or the path of a module of one's own. */
  readonly model?: string;
  /** Branch, tag or commit of the hub. */
  readonly revision?: string;
  /** Uses what is in the hub's cache alone. */
  readonly offline?: boolean;
}

/** How the matrices of a model are kept that nothing trains. */
export type StoredWeights = "f32" | "f16";

/** Whether a model is one's own: named by the path of a module, and not by a folder or a name of the hub. */
export function isOwnModel(model: string): boolean {
  return /\.[cm]?[jt]sx?$/.test(model);
}

/** What flags and specs call a model of the suite that writes texts: `suite-decoder`, `suite-encoder-decoder`. */
export function suiteTextModel(kind: TextModelKind): string {
  return `suite-${kind}`;
}

/** The folder of a model; of one's own its module. Throws an Error where there is none, and what fetching throws. */
export async function findModel({ model, revision, offline }: ModelSource): Promise<string> {
  if (model === undefined) {
    throw new RangeError("`model.name` is missing: a folder in Hugging Face's layout, a name of the hub, or suite");
  }
  const size = sizeOfModel(model);
  if (size) return await suiteModelFolder(size);
  const kind = TEXT_MODELS.find((kind) => model === suiteTextModel(kind));
  if (kind) return await suiteLanguageModelFolder(kind);
  if (isOwnModel(model)) return model;
  const seen = new Set<string>();
  return await hub.modelFolder(model, {
    revision,
    offline: offline || undefined,
    onProgress({ file, total }) {
      if (!seen.has(file)) console.error(`fetching ${file} of ${model}: ${mebibytes(total)}`);
      seen.add(file);
    },
  });
}

/** A frozen head of the suite's encoder. */
export interface FrozenReadout {
  /** Added to the logit of each answer. */
  readonly bias: readonly number[];
  /** Hex sha-256 of the encoder that it was made for. */
  readonly encoder: string;
}

/** How a classifier is made of a model's files. */
export interface ClassifierOptions {
  /** Classes, 1 for scores; by default as many as its config has. */
  readonly labels?: number;
  /** Rate of dropout everywhere; by default its config's. */
  readonly dropout?: number;
  /** Whether the head's last layer is made afresh where there is one that fits, too; false by default. */
  readonly isFresh?: boolean;
  /** The frozen head that a probe is read off, in the place of one that is trained. */
  readonly readout?: FrozenReadout;
}

/** Options of {@linkcode loadModel}. */
export interface LoadModelOptions extends ClassifierOptions {
  /** Of a fresh head, 0 by default. */
  readonly seed?: number;
  /** How matrices and tables are kept, the head's aside; f32 by default. */
  readonly weights?: StoredWeights;
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

/** A model's files, of which classifiers are made. */
export interface ModelFiles {
  /** What its files hold, on the host; of one's own, what is drawn, too. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly tokenizer: Tokenizer;
  /** The classifier as functions of its parameters. */
  model(options: ClassifierOptions): ClassifierModel;
  /**
   * A sequence classifier. A head that is missing, or is one for another number of classes, is drawn by the seed, and the
   * report says so.
   */
  load(options: ClassifierOptions & { readonly seed: number }): LoadedModel;
}

/**
 * Reads a model from a folder in Hugging Face's layout.
 *
 * Throws an Error that names the file that is missing or wrong.
 */
export async function readModel(
  folder: string,
  weights: StoredWeights = "f32",
): Promise<ModelFiles & GenerationFiles> {
  const { config, generationConfig, tensors, tokenizer } = await hub.loadPretrained(folder, { halves: weights });
  if (!tokenizer) throw new Error(`cannot use ${folder}: it has no tokenizer.json, nor the older files of a tokenizer`);
  // What a new head is for is not what the old one was for.
  const { problem_type: _, ...unbound } = config;
  const modelOf = ({ labels, dropout, isFresh }: ClassifierOptions) =>
    models.fromConfig(isFresh ? unbound : config, { head: "classification", labels, dropout });
  return {
    config,
    generationConfig,
    tensors,
    tokenizer,
    model: modelOf,
    load({ seed, ...options }) {
      const model = modelOf(options);
      requireVocabulary(folder, tokenizer, model.config.vocabSize);
      const dropped = new Set(options.isFresh ? outputNames(model) : []);
      const kept = Object.fromEntries(Object.entries(tensors).filter(([name]) => !dropped.has(name)));
      const { params: base, report } = models.paramsFrom(kept, model, {
        key: random.foldIn(random.key(seed), 1),
        fresh: "mismatched",
        dtype: weights,
      });
      return { model, base, tokenizer, maxLength: model.config.maxLength, report, config, folder };
    },
  };
}

/** Reads a model and makes a classifier of it, as {@linkcode readModel} does. */
export async function loadModel(
  folder: string,
  { weights, seed = 0, ...options }: LoadModelOptions = {},
): Promise<LoadedModel> {
  return (await readModel(folder, weights)).load({ seed, ...options });
}
