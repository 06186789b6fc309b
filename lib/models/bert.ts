import { dropout } from "../nn/dropout.ts";
import { assemble } from "./assemble.ts";
import { bertParts } from "./bert_parts.ts";
import type { EncoderParts, EncoderSizes } from "./encoder.ts";
import { type Head, maskedHead } from "./heads.ts";
import type { ActivationName } from "./activations.ts";
import type { MaskedBatch, Model } from "./model.ts";
import { denseShapes } from "./parameter_shapes.ts";

/** Sizes of a BERT encoder (1810.04805) and its head. */
export interface BertConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Longest text, in tokens. */
  readonly maxLength: number;
  /** Classes; 1 for regression. 2 by default. */
  readonly labels?: number;
  /** Width between the two projections of a feed-forward part; 4 · hiddenSize by default. */
  readonly intermediateSize?: number;
  readonly typeVocabSize?: number;
  /** Rate for hidden states, attention weights and the pooled state, where a key is given; 0.1 by default. */
  readonly dropout?: number;
  readonly layerNormEpsilon?: number;
  /** Standard deviation of fresh weights. */
  readonly initializerRange?: number;
  /** Keeps of each layer only its input for the backward pass, which computes the rest again; false by default. */
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
 * A BERT encoder with a head on the pooled first token: logits `[B, labels]`. Parameters have the names of Hugging
 * Face's `BertForSequenceClassification`.
 */
export function bert(config: BertConfig): Model<Required<BertConfig>> {
  const resolved = resolve(config);
  return assemble(resolved, partsOf(resolved), bertClassifier(resolved));
}

/**
 * A BERT encoder that fills masked tokens: logits `[B, T, vocabulary]`, or `[M, vocabulary]` at the given positions,
 * through the tied word embeddings. Parameters have the names of Hugging Face's `BertForMaskedLM`.
 */
export function bertForMaskedLM(config: BertConfig): Model<Required<BertConfig>, MaskedBatch> {
  const resolved = resolve(config);
  return assemble(resolved, partsOf(resolved), bertMaskedHead("bert", { ...resolved, activation: "gelu" }));
}
