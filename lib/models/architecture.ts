import type { ActivationName } from "./activations.ts";
import { assemble, type ShapedModel } from "./assemble.ts";
import type { EncoderParts, EncoderSizes } from "./encoder.ts";
import type { Head } from "./heads.ts";

/**
 * What a model ends in: `classification` for the classes or the score of a text, `masked-lm` for the tokens behind
 * masks, `causal-lm` for the token after each one.
 */
export type HeadName = "classification" | "masked-lm" | "causal-lm";

/** What a model ends in: one of {@linkcode HeadName}, or `seq2seq-lm` for the text that a decoder writes about another. */
export type AnyHeadName = HeadName | "seq2seq-lm";

/** Names of the heads that there are. */
export const HEAD_NAMES: readonly AnyHeadName[] = ["classification", "masked-lm", "causal-lm", "seq2seq-lm"];

/** Options of {@linkcode fromConfig}. */
export interface FromConfigOptions<Head extends AnyHeadName = AnyHeadName> {
  /** What the model ends in. */
  readonly head: Head;
  /** Number of classes, 1 for regression; by default as many as the config has, or 2. */
  readonly labels?: number;
  /** Rate of dropout at all places, in [0, 1), where a key is given; by default each place has the config's. */
  readonly dropout?: number;
  /**
   * Whether the backward pass keeps of each layer only its input and computes the rest again, which takes less memory
   * and more time; false by default.
   */
  readonly checkpoint?: boolean;
}

/** Sizes and settings of a model that a `config.json` describes, with all defaults filled in. */
export interface PretrainedConfig extends EncoderSizes {
  /** `model_type`, such as `roberta`. */
  readonly architecture: string;
  /** What the model ends in. */
  readonly head: AnyHeadName;
  /** Number of classes; 1 for regression. */
  readonly labels: number;
  /** Whether logits are of classes, or the score of a regression. */
  readonly problem: "classification" | "regression";
  /** What the config calls its classes; empty where it gives them no names. */
  readonly labelNames: readonly string[];
  /** Rate of dropout in front of the classifier, where a key is given. */
  readonly classifierDropout: number;
  /** Keys of the config that nothing here knows. */
  readonly unusedKeys: readonly string[];
}

/** A model as a `config.json` describes it, with parameters under Hugging Face's names. */
export interface PretrainedModel extends ShapedModel<PretrainedConfig> {
  /** What names of the encoder begin with, and may lack in files: `bert`. */
  readonly prefix: string;
  /** What transformers calls its classes, before what they are for: `Bert`. */
  readonly classPrefix: string;
  /** Names that belong to the head: those that a file of the bare encoder lacks. */
  readonly headNames: readonly string[];
  /**
   * Modules that LoRA adapts unless told otherwise, by their names in PEFT: a {@linkcode TargetPattern} of {@linkcode
   * LORA_TARGETS}.
   */
  readonly loraTargets: readonly string[];
  /** Weights that files hold as `[in, out]`, and parameters as `[out, in]`, as in all other layers: Conv1D's of GPT-2. */
  readonly transposed?: readonly string[];
  /** What else of the architecture a file may hold, by the names after the prefix, beside parameters and other heads. */
  readonly beside?: readonly RegExp[];
  /** Other names, after the prefix, under which files may hold a parameter that is used in several places. */
  readonly copies?: Readonly<Record<string, readonly string[]>>;
}

/** What an architecture makes of its config. */
export interface Described {
  readonly parts: EncoderParts;
  readonly classifierDropout: number;
  /** The head of that name for so many classes. */
  head(labels: number): Head;
  /** What {@linkcode describeLabels} and errors need to know of the config. */
  readonly common: CommonConfig;
  readonly unused: readonly string[];
}

/** What all configs have. */
export interface CommonConfig {
  readonly num_labels?: number | null;
  readonly id2label?: Readonly<Record<string, string>> | null;
  readonly problem_type?: string | null;
  readonly tie_word_embeddings: boolean;
}

/** What is known of an architecture of Hugging Face's before its config is. */
export interface ArchitectureNames {
  /** `model_type` in its configs. */
  readonly modelType: string;
  /** What its classes in `architectures` begin with. */
  readonly classPrefix: string;
  readonly prefix: string;
  readonly loraTargets: readonly string[];
}

/** An encoder of Hugging Face's. */
export interface Architecture extends ArchitectureNames {
  /** Throws a RangeError that names what it does not support. */
  describe(json: unknown, options: FromConfigOptions): Described;
}

/**
 * Labels, their names and the problem, from a config and what is asked for.
 *
 * Throws a RangeError where the config contradicts itself or is of another problem.
 */
export function labelsOf(
  common: CommonConfig,
  options: FromConfigOptions,
): Pick<PretrainedConfig, "labels" | "problem" | "labelNames"> {
  const named = common.id2label ? Object.keys(common.id2label).length : undefined;
  if (common.num_labels && named !== undefined && named !== common.num_labels) {
    throw new RangeError(`config.json contradicts itself: num_labels is ${common.num_labels}, id2label has ${named}`);
  }
  if (named === 0 && options.labels === undefined) throw new RangeError("config.json: id2label names no label");
  const own = common.num_labels ?? named ?? 2;
  const labels = options.labels ?? own;
  if (!Number.isInteger(labels) || labels < 1) throw new RangeError(`a model has 1 label or more, not ${labels}`);
  // With other labels than the config's, the task is another one, too.
  const type = labels === own ? common.problem_type : undefined;
  if (options.head === "classification" && type === "multi_label_classification") {
    throw new RangeError(
      `config.json: problem_type "${type}" is not supported: there are regression and single_label_classification`,
    );
  }
  const isRegression = type ? type === "regression" : labels === 1;
  const names = Object.values(common.id2label ?? {});
  return {
    labels,
    problem: isRegression ? "regression" : "classification",
    labelNames: names.length === labels ? names : [],
  };
}

/**
 * The model of an architecture and a parsed `config.json`.
 *
 * Throws a RangeError that names what is not supported.
 */
export function makeModel(
  architecture: Architecture,
  json: unknown,
  options: FromConfigOptions,
): PretrainedModel {
  const { parts, head, common, unused, classifierDropout } = architecture.describe(json, options);
  const { heads, hiddenSize } = parts.sizes;
  if (hiddenSize % heads !== 0) {
    throw new RangeError(
      `cannot make ${architecture.modelType} of this config.json as ${heads} heads do not divide a hidden size of ${hiddenSize}`,
    );
  }
  if (options.head === "masked-lm" && !common.tie_word_embeddings) {
    throw new RangeError(
      `cannot make ${architecture.modelType} of this config.json as tie_word_embeddings false is not supported with a ` +
        "masked-lm head: there is only true",
    );
  }
  const asked = labelsOf(common, options);
  const config: PretrainedConfig = {
    ...parts.sizes,
    architecture: architecture.modelType,
    head: options.head,
    ...asked,
    classifierDropout,
    unusedKeys: unused,
  };
  const made = head(asked.labels);
  const { prefix, classPrefix, loraTargets } = architecture;
  const headNames = made.shapes.map(([name]) => name);
  return { ...assemble(config, parts, made), prefix, classPrefix, loraTargets, headNames };
}

/** Sizes under BERT's keys, which most architectures share. */
export interface BertKeys {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
  readonly hidden_act: ActivationName;
  readonly hidden_dropout_prob: number;
  readonly attention_probs_dropout_prob: number;
  readonly layer_norm_eps: number;
  readonly initializer_range: number;
}

/** Sizes from BERT's keys. */
export function sizesOf(values: BertKeys, maxLength: number, options: FromConfigOptions): EncoderSizes {
  return {
    vocabSize: values.vocab_size,
    hiddenSize: values.hidden_size,
    layers: values.num_hidden_layers,
    heads: values.num_attention_heads,
    intermediateSize: values.intermediate_size,
    maxLength,
    activation: values.hidden_act,
    layerNormEpsilon: values.layer_norm_eps,
    initializerRange: values.initializer_range,
    dropout: options.dropout ?? values.hidden_dropout_prob,
    attentionDropout: options.dropout ?? values.attention_probs_dropout_prob,
    checkpoint: options.checkpoint ?? false,
  };
}
