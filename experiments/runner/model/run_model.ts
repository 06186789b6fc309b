import {
  type Batch,
  embedding,
  hub,
  type Key,
  models,
  type Params,
  random,
  reshape,
  type Tensor,
  tensor,
} from "../../../mod.ts";
import { type Tokenizer, TOKENIZER_FILES, wordPiece } from "../../../lib/data/mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/spec.ts";
import { sha256 } from "../../../lib/io/sha256.ts";
import { encoderJson, loadEncoder, SUITE_ENCODER } from "../../suite/encoder.ts";
import { suiteVocabulary } from "../../suite/mod.ts";
import { hashTensors } from "./hash_tensors.ts";
import { type Head, modelHead } from "../heads/head.ts";
import { outputNames, requireVocabulary } from "./load_model.ts";
import { matchClasses } from "../heads/match_classes.ts";

/** What a spec says of a model, but for how a run uses it. */
export type ModelReference = Omit<RunSpec["model"], "length" | "dropout">;

/** A classifier on a run's model. */
export interface Classifier {
  readonly apply: (params: Params, batch: Batch, key?: Key) => Tensor;
  /** All parameters: those of the files, which runs share, and a head drawn by the seed where they have none that fits. */
  params(seed: number): Record<string, Tensor>;
  /** Parameters that the seed draws. */
  readonly fresh: readonly string[];
  /** Whether the files' head answers, with its classes in the task's order. */
  readonly usesHead: boolean;
}

/** Options of {@linkcode RunModel.classifier}. */
export interface ClassifierOptions {
  /** Classes, or 1 for scores. */
  readonly labels: number;
  /** Words that mean each class, in the task's order; a head whose classes have other names is not used then. */
  readonly classes?: readonly (readonly string[])[];
  /** Rate everywhere; the model's own by default. */
  readonly dropout?: number;
}

/** A model as runs use it. */
export interface RunModel {
  readonly reference: ModelReference;
  /** Absent where only a config is known. */
  readonly tokenizer?: Tokenizer;
  /** What its files hold, on the host; absent where only a config is known. */
  readonly weights?: Readonly<Record<string, Tensor>>;
  /** Rate of dropout in its hidden states, unless a run says another. */
  readonly dropout: number;
  /** What its files say of its head, where they have one. */
  readonly head?: Head;
  /** Modules that LoRA adapts, as patterns of whole paths; absent where methods name them. */
  readonly targets?: string;
  classifier(options: ClassifierOptions): Classifier;
  /** The same model with another number of layers, of which no weights are at hand: for plans. */
  withLayers(layers: number): RunModel;
}

/** The encoder that ships with the suite. */
export async function suiteModel(): Promise<RunModel> {
  const vocabulary = suiteVocabulary();
  const { config, weights, hash } = await loadEncoder(SUITE_ENCODER, vocabulary.length);
  return {
    withLayers: (layers) => configModel("suite-encoder", encoderJson({ ...config, layers })),
    reference: { name: "suite-encoder", hash, ...config },
    tokenizer: wordPiece(vocabulary),
    weights,
    dropout: 0,
    classifier({ labels, dropout = 0 }) {
      // Only the head is drawn: what the encoder brings need not be.
      const head = models.bert({ ...config, vocabSize: 1, layers: 0, maxLength: 1, labels });
      return {
        apply: models.bert({ ...config, labels, dropout }).apply,
        params: (seed) => ({ ...head.init(random.foldIn(random.key(seed), 1)), ...weights }),
        get fresh() {
          return Object.keys(head.init(random.key(0))).filter((name) => !Object.hasOwn(weights, name));
        },
        usesHead: false,
      };
    },
  };
}

/** The model that a `config.json` describes, whose weights are not at hand: for plans. */
export function configModel(name: string, config: Readonly<Record<string, unknown>>): RunModel {
  const model = models.fromConfig(config, { head: "classification" });
  const { hiddenSize, layers, heads, intermediateSize, maxLength, vocabSize, dropout } = model.config;
  const sizes = { hiddenSize, layers, heads, intermediateSize, maxLength, vocabSize };
  return {
    reference: { name, source: "pretrained", hash: "unknown", ...sizes },
    dropout,
    targets: `(.*\\.)?(${model.loraTargets.join("|")})`,
    classifier({ labels, dropout }) {
      const own = models.fromConfig(config, { head: "classification", labels, dropout });
      return {
        apply: own.apply,
        params: (seed) => own.init(random.foldIn(random.key(seed), 1)),
        fresh: own.shapes.map(([name]) => name),
        usesHead: false,
      };
    },
    withLayers: (layers) => configModel(name, { ...config, num_hidden_layers: layers, n_layers: layers }),
  };
}

/** The head's number of each of a task's classes; `undefined` where its classes are others, and it is of no use. */
function orderIn(head: Head, { labels, classes }: ClassifierOptions): readonly number[] | undefined {
  if (head.outputs !== labels) return undefined;
  if (head.kind === "regression" || !classes) return Array.from({ length: labels }, (_, i) => i);
  return matchClasses(classes, head)?.order;
}

/** A head's last layer with its outputs in another order. */
function reorder(params: Readonly<Record<string, Tensor>>, names: readonly string[], order: readonly number[]) {
  const rows = tensor(Int32Array.from(order), { dtype: "i32" });
  return Object.fromEntries(names.map((name) => {
    const { shape } = params[name];
    return [name, reshape(embedding(reshape(params[name], [shape[0], -1]), rows), shape)];
  }));
}

async function tokenizerHash(folder: string): Promise<string> {
  const hashes = await Promise.all(TOKENIZER_FILES.map(async (name) => {
    try {
      return `${name} ${await sha256(await Deno.readFile(`${folder}/${name}`))}`;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }));
  return hashes.join("\n");
}

/**
 * A model of Hugging Face's from its folder; its hash is of config, weights and tokenizer.
 *
 * Throws an Error that names the file that is missing or wrong.
 */
export async function pretrainedModel(name: string, folder: string): Promise<RunModel> {
  const { config, tensors, tokenizer } = await hub.loadPretrained(folder);
  if (!tokenizer) throw new Error(`cannot use ${folder}: it has no tokenizer.json, nor the older files of a tokenizer`);
  const known = configModel(name, config);
  requireVocabulary(folder, tokenizer, known.reference.vocabSize);
  const head = await modelHead(folder);
  const hash = await hashTensors(tensors, `${JSON.stringify(config)}\n${await tokenizerHash(folder)}`);
  return {
    ...known,
    reference: { ...known.reference, hash },
    tokenizer,
    weights: tensors,
    head,
    classifier(options) {
      const { labels, dropout } = options;
      const order = head && orderIn(head, options);
      const { problem_type: _, ...unbound } = config;
      const model = models.fromConfig(order ? config : unbound, { head: "classification", labels, dropout });
      const outputs = outputNames(model);
      const used = order
        ? tensors
        : Object.fromEntries(Object.entries(tensors).filter(([name]) => !outputs.includes(name)));
      const load = (seed: number) =>
        models.paramsFrom(used, model, { key: random.foldIn(random.key(seed), 1), fresh: "mismatched" });
      return {
        apply: model.apply,
        get fresh() {
          return load(0).report.fresh;
        },
        usesHead: order !== undefined,
        params: (seed) => {
          const { params } = load(seed);
          const isOwn = order?.every((number, i) => number === i) ?? true;
          return isOwn ? params : { ...params, ...reorder(params, outputs, order!) };
        },
      };
    },
  };
}
