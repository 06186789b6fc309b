import { dropout } from "../nn/dropout.ts";
import { assemble } from "./assemble.ts";
import { bertParts } from "./bert_parts.ts";
import type { EncoderParts, EncoderSizes } from "./encoder.ts";
import { type Head, maskedHead } from "./heads.ts";
import type { ActivationName } from "./activations.ts";
import type { MaskedBatch, Model } from "./model.ts";
import { denseShapes } from "./parameter_shapes.ts";

/** Sizes of a BERT encoder ([Devlin et al. 2018](https://arxiv.org/abs/1810.04805)) and its head. */
export interface BertConfig {
  /** Tokens of the vocabulary. */
  readonly vocabSize: number;
  /** Width of hidden states, which `heads` must divide. */
  readonly hiddenSize: number;
  /** Number of layers. */
  readonly layers: number;
  /** Heads of attention in each layer. */
  readonly heads: number;
  /** Most tokens of a text. */
  readonly maxLength: number;
  /** Number of classes; 1 for regression. 2 by default. */
  readonly labels?: number;
  /** Width between the two projections of a feed-forward part; 4 · hiddenSize by default. */
  readonly intermediateSize?: number;
  /** Types of tokens, the first text's and the second's; 2 by default. */
  readonly typeVocabSize?: number;
  /**
   * Rate of dropout, in [0, 1), of hidden states, attention weights and the pooled state, where a key is given; 0.1 by
   * default.
   */
  readonly dropout?: number;
  /** Added to the variance in layer norms; 1e-12 by default. */
  readonly layerNormEpsilon?: number;
  /** Standard deviation of fresh weights; 0.02 by default. */
  readonly initializerRange?: number;
  /**
   * Whether the backward pass keeps of each layer only its input and computes the rest again, which takes less memory
   * and more time; false by default.
   */
  readonly checkpoint?: boolean;
}

type Resolved = Required<BertConfig>;

function resolve(config: BertConfig): Resolved {
  const resolved = {
    labels: 2,
    intermediateSize: 4 * config.hiddenSize,
    typeVocabSize: 2,
    dropout: 0.1,
    layerNormEpsilon: 1e-12,
    initializerRange: 0.02,
    checkpoint: false,
    ...config,
  };
  if (resolved.hiddenSize % resolved.heads !== 0) {
    throw new RangeError(`bert: ${resolved.heads} heads do not divide a hidden size of ${resolved.hiddenSize}`);
  }
  return resolved;
}

function partsOf(config: Resolved): EncoderParts {
  const sizes: EncoderSizes = { ...config, activation: "gelu", attentionDropout: config.dropout };
  const { typeVocabSize, maxLength: positionRows } = config;
  return bertParts({ prefix: "bert", sizes, typeVocabSize, positionRows });
}

/** A BERT encoder under a head that is made of its sizes. Throws a RangeError where the heads do not divide the hidden size. */
export function bertWith(
  config: BertConfig,
  head: (sizes: Required<BertConfig>) => Head,
): Model<Required<BertConfig>, MaskedBatch> {
  const resolved = resolve(config);
  return assemble(resolved, partsOf(resolved), head(resolved));
}

/** The head of Hugging Face's `BertForSequenceClassification`, on the pooled first token. */
export function bertClassifier(options: {
  readonly hiddenSize: number;
  readonly labels: number;
  /** Rate for the pooled state. */
  readonly dropout: number;
}): Head {
  const { hiddenSize: C, labels, dropout: rate } = options;
  return {
    shapes: [...denseShapes("bert.pooler.dense", C, C), ...denseShapes("classifier", labels, C)],
    tokens: "first",
    keys: 1,
    apply(hidden, { dense, nextKey }) {
      const pooled = dense(hidden.at(0, { axis: 1 }), "bert.pooler.dense").tanh();
      return dense(dropout(pooled, { rate, key: nextKey() }), "classifier");
    },
  };
}

/** The head of Hugging Face's `BertForMaskedLM` and of what is built like it, on an encoder of that prefix. */
export function bertMaskedHead(
  prefix: string,
  sizes: { readonly hiddenSize: number; readonly vocabSize: number; readonly activation: ActivationName },
): Head {
  return maskedHead({
    ...sizes,
    names: {
      dense: "cls.predictions.transform.dense",
      norm: "cls.predictions.transform.LayerNorm",
      bias: "cls.predictions.bias",
      words: `${prefix}.embeddings.word_embeddings.weight`,
    },
  });
}

/**
 * A BERT encoder ([Devlin et al. 2018](https://arxiv.org/abs/1810.04805)) with a classifier on the pooled first token:
 * f32 logits `[B, labels]`. It computes what Hugging Face's `BertForSequenceClassification` does, and its parameters
 * have those names.
 *
 * Throws a RangeError where the heads do not divide the hidden size.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const model = dd.models.bert({ vocabSize: 64, hiddenSize: 32, layers: 2, heads: 2, maxLength: 16, labels: 3 });
 * const params = model.init(dd.random.key(0));
 * const ids = dd.ones([4, 8], { dtype: "i32" });
 * const logits = model.apply(params, { inputIds: ids, attentionMask: ids, tokenTypeIds: dd.zerosLike(ids) });
 * console.log(logits.shape, params["classifier.weight"].shape); // [4, 3] [3, 32]
 * ```
 */
export function bert(config: BertConfig): Model<Required<BertConfig>> {
  return bertWith(config, bertClassifier);
}

/**
 * A BERT encoder ([Devlin et al. 2018](https://arxiv.org/abs/1810.04805)) that fills masked tokens: f32 logits `[B, T,
 * vocabulary]`, or `[M, vocabulary]` or `[B, P, vocabulary]` at the given positions, through the tied word embeddings.
 * It computes what Hugging Face's `BertForMaskedLM` does, and its parameters have those names.
 *
 * Throws a RangeError where the heads do not divide the hidden size.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const model = dd.models.bertForMaskedLM({ vocabSize: 64, hiddenSize: 32, layers: 2, heads: 2, maxLength: 16 });
 * const params = model.init(dd.random.key(0));
 * const ids = dd.ones([4, 8], { dtype: "i32" });
 * const positions = dd.tensor([3, 9], { dtype: "i32" }); // of 4 · 8 tokens
 * const batch = { inputIds: ids, attentionMask: ids, tokenTypeIds: dd.zerosLike(ids), positions };
 * console.log(model.apply(params, batch).shape); // [2, 64]
 * ```
 */
export function bertForMaskedLM(config: BertConfig): Model<Required<BertConfig>, MaskedBatch> {
  return bertWith(config, (sizes) => bertMaskedHead("bert", { ...sizes, activation: "gelu" }));
}
