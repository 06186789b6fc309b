import { type Batch, type Key, models, type Params, random, type Tensor } from "../../../mod.ts";
import { type Tokenizer, wordPiece } from "../../../lib/data/mod.ts";
import { isBuffer } from "../../../lib/peft/targets.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { encoderJson, loadSuiteEncoder } from "../../suite/encoder.ts";
import { type EncoderSize, pretrainCommand, SUITE_ENCODERS } from "../../suite/encoders.ts";
import { suiteVocabulary } from "../../suite/mod.ts";
import { readoutOf } from "../../suite/readout.ts";
import { hashTensors } from "./hash_tensors.ts";
import { type Head, type HeadPlace, modelHead } from "../heads/head.ts";
import { ownModelFiles } from "./own_model.ts";
import { tokenizerHash } from "./tokenizer_hash.ts";
import { type ClassifierOptions, type ModelFiles, readModel, requireVocabulary } from "./load_model.ts";
import { type GenerationFiles, type RunWriter, textWriter } from "./text_writer.ts";

/** What a spec says of a model, but for how a run uses it. */
export type ModelReference = Omit<RunSpec["model"], "length" | "dropout" | "freshHead">;

/** A classifier on a run's model. */
export interface Classifier {
  readonly apply: (params: Params, batch: Batch, key?: Key) => Tensor;
  /** All parameters: those of the files, which runs share, and a head drawn by the seed where they have none that fits. */
  params(seed: number): Record<string, Tensor>;
  /** Parameters that the seed draws. */
  readonly fresh: readonly string[];
}

/** A model as runs use it. */
export interface RunModel {
  readonly reference: ModelReference;
  /** Absent where only a config is known. */
  readonly tokenizer?: Tokenizer;
  /** What its files hold, on the host; absent where only a config is known. */
  readonly weights?: Readonly<Record<string, Tensor>>;
  /** What its files say of its head, where they have one. */
  readonly head?: Head;
  /** Modules that LoRA adapts, as endings of their paths; absent where methods name them. */
  readonly targets?: readonly string[];
  /** Its classifier; the head's last layer is made afresh by the seed where it is absent or unfit, or `isFresh` says so. */
  classifier(options: ClassifierOptions): Classifier;
  /** Its `config.json`, where it has one. */
  readonly config?: Readonly<Record<string, unknown>>;
  /**
   * The model as one that writes texts, with a rate of dropout; absent where it writes none. Throws a RangeError where it
   * is a model of another kind, or lacks parameters.
   */
  writer?(options: { readonly dropout?: number }): RunWriter;
  /** The same model with another number of layers, of which no weights are at hand: for plans. */
  withLayers(layers: number): RunModel;
}

/** An encoder of the suite. */
export async function suiteModel(size: EncoderSize): Promise<RunModel> {
  const { name, url } = SUITE_ENCODERS[size];
  const encoder = await loadSuiteEncoder(size);
  const { config, weights, hash } = encoder;
  const frozen = await readoutOf(encoder);
  return {
    withLayers: (layers) => configModel(name, encoderJson({ ...config, layers })),
    reference: { name, hash, ...config },
    tokenizer: wordPiece(suiteVocabulary()),
    weights,
    classifier({ labels = 2, dropout = 0, readout }) {
      if (readout) {
        if (readout.encoder !== hash) {
          const command = pretrainCommand(url, { teach: true, overwrite: true });
          throw new Error(`what teachers answer was made of another encoder: ${command} has teachers answer anew`);
        }
        return { apply: frozen({ bias: readout.bias, dropout }).apply, params: () => ({ ...weights }), fresh: [] };
      }
      // Only the head is drawn: what the encoder brings need not be.
      const head = models.bert({ ...config, vocabSize: 1, layers: 0, maxLength: 1, labels });
      return {
        apply: models.bert({ ...config, labels, dropout }).apply,
        params: (seed) => ({ ...head.init(random.foldIn(random.key(seed), 1)), ...weights }),
        get fresh() {
          return Object.keys(head.init(random.key(0))).filter((name) => !Object.hasOwn(weights, name));
        },
      };
    },
  };
}

/** Throws a RangeError where a probe is asked of a model that is no encoder of the suite. */
function refuseReadout(name: string, readout: ClassifierOptions["readout"]): void {
  if (readout) throw new RangeError(`recall and known ranks are asked of the suite's encoder, and not of ${name}`);
}

/** Keys under which a `config.json` may say how many layers there are. */
const LAYER_KEYS = ["num_hidden_layers", "n_layers", "n_layer", "encoder_layers", "decoder_layers"];

/** A `config.json` with another number of layers, in encoder and decoder where there are both. */
function withLayers(config: Readonly<Record<string, unknown>>, layers: number): Readonly<Record<string, unknown>> {
  const known = LAYER_KEYS.filter((key) => Object.hasOwn(config, key));
  const keys = known.length > 0 ? known : LAYER_KEYS.slice(0, 2);
  return { ...config, ...Object.fromEntries(keys.map((key) => [key, layers])) };
}

/** A model that writes texts, of the tensors of files: its parameters are made once. */
function writerOf(
  owner: string,
  files: GenerationFiles,
  { tensors, weights }: { readonly tensors: Readonly<Record<string, Tensor>>; readonly weights?: "f16" },
): RunModel["writer"] {
  let params: Readonly<Record<string, Tensor>> | undefined;
  return (options) => {
    const own = textWriter(files, options);
    return {
      ...own,
      params() {
        if (params) return params;
        const made = models.paramsFrom(tensors, own.model, { key: random.key(0), dtype: weights });
        const fresh = made.report.fresh.filter((name) => !isBuffer(name));
        if (fresh.length > 0) {
          throw new Error(`cannot use ${owner} as it lacks ${fresh.join(", ")}: it writes no texts`);
        }
        return params = made.params;
      },
    };
  };
}

/** The model that a `config.json` describes, whose weights are not at hand: for plans. */
export function configModel(name: string, config: Readonly<Record<string, unknown>>): RunModel {
  const model = models.fromConfig(config, { head: "classification" });
  const { hiddenSize, layers, heads, intermediateSize, maxLength, vocabSize } = model.config;
  const sizes = { hiddenSize, layers, heads, intermediateSize, maxLength, vocabSize };
  return {
    reference: { name, source: "pretrained", hash: "unknown", ...sizes },
    targets: model.loraTargets,
    classifier({ labels, dropout, readout }) {
      refuseReadout(name, readout);
      const own = models.fromConfig(config, { head: "classification", labels, dropout });
      return {
        apply: own.apply,
        params: (seed) => own.init(random.foldIn(random.key(seed), 1)),
        fresh: own.shapes.map(([name]) => name),
      };
    },
    writer(options) {
      const own = textWriter({ config }, options);
      return { ...own, params: () => own.model.init(random.key(0)) };
    },
    withLayers: (layers) => configModel(name, withLayers(config, layers)),
  };
}

/** A model of Hugging Face's, or one's own, as runs use it, with its files. */
export interface PretrainedModel extends RunModel {
  /** Its folder, or of one's own its module. */
  readonly folder: string;
  /** Where what is known of its head stands, where that is no folder in Hugging Face's layout. */
  readonly place?: HeadPlace;
  readonly files: ModelFiles;
}

/** Classifiers of a model's files. */
function classifierOf(name: string, files: ModelFiles): RunModel["classifier"] {
  return ({ readout, ...options }) => {
    refuseReadout(name, readout);
    return {
      apply: files.model(options).apply,
      params: (seed) => ({ ...files.load({ ...options, seed }).base }),
      get fresh() {
        return files.load({ ...options, seed: 0 }).report.fresh;
      },
    };
  };
}

/**
 * A model of a module of one's own. Of its inside nothing is known: it counts as one layer with one head of attention.
 *
 * Throws as {@linkcode ownModelFiles}.
 */
export async function ownRunModel(...[path, asked]: Parameters<typeof ownModelFiles>): Promise<PretrainedModel> {
  const { own: { description, module, source }, files, place, hiddenSize, hash } = await ownModelFiles(path, asked);
  const { name, maxLength, targets } = description;
  const sizes = { hiddenSize, layers: 1, heads: 1, maxLength, vocabSize: files.tokenizer.vocabSize };
  const made: PretrainedModel = {
    folder: module,
    place,
    files,
    reference: { name, source: "module", module: { path: module, hash: source }, hash, ...sizes },
    tokenizer: files.tokenizer,
    weights: files.tensors,
    head: await modelHead(place),
    targets,
    classifier: classifierOf(name, files),
    withLayers: () => made,
  };
  return made;
}

/**
 * A model of Hugging Face's from its folder; its hash is of config, weights and tokenizer.
 *
 * Throws an Error that names the file that is missing or wrong.
 */
export async function pretrainedModel(name: string, folder: string, weights?: "f16"): Promise<PretrainedModel> {
  const files = await readModel(folder, weights);
  const { config, tensors, tokenizer } = files;
  const known = configModel(name, config);
  requireVocabulary(folder, tokenizer, known.reference.vocabSize);
  const head = await modelHead(folder);
  const hash = await hashTensors(tensors, `${JSON.stringify(config)}\n${await tokenizerHash(folder)}`);
  return {
    ...known,
    folder,
    files,
    reference: { ...known.reference, hash, ...weights && { weights } },
    tokenizer,
    weights: tensors,
    head,
    config,
    classifier: classifierOf(name, files),
    writer: writerOf(folder, files, { tensors, weights }),
  };
}
