import { embedding } from "../ops/mod.ts";
import { dropout } from "../nn/dropout.ts";
import type { Architecture } from "./architecture.ts";
import { firstPositions } from "./bert_parts.ts";
import { activation, COMMON, layerCount, only, rate, readConfig, size } from "./config_json.ts";
import type { EncoderParts, EncoderSizes, LayerNames } from "./encoder.ts";
import { type Head, maskedHead } from "./heads.ts";
import { denseShapes, normShapes } from "./parameter_shapes.ts";

const KEYS = {
  ...COMMON,
  dim: size(768),
  n_layers: layerCount(6),
  n_heads: size(12),
  hidden_dim: size(4 * 768),
  activation: activation("gelu"),
  dropout: rate(0.1),
  attention_dropout: rate(0.1),
  seq_classif_dropout: rate(0.2),
  qa_dropout: rate(0.1),
  max_position_embeddings: size(512),
  sinusoidal_pos_embds: only(false),
} as const;

const LAYER: LayerNames = {
  query: "attention.q_lin",
  key: "attention.k_lin",
  value: "attention.v_lin",
  attentionOutput: "attention.out_lin",
  attentionNorm: "sa_layer_norm",
  intermediate: "ffn.lin1",
  output: "ffn.lin2",
  outputNorm: "output_layer_norm",
};

const WORDS = "distilbert.embeddings.word_embeddings.weight";
const POSITIONS = "distilbert.embeddings.position_embeddings.weight";
const NORM = "distilbert.embeddings.LayerNorm";

function encoderParts(sizes: EncoderSizes): EncoderParts {
  const { hiddenSize: C, vocabSize, maxLength } = sizes;
  return {
    name: "distilbert",
    sizes,
    names: LAYER,
    dropsAttended: false,
    layer: (i) => `distilbert.transformer.layer.${i}`,
    embeddings: [[WORDS, [vocabSize, C]], [POSITIONS, [maxLength, C]], ...normShapes(NORM, C)],
    embed(layers, { inputIds }) {
      const words = embedding(layers.get(WORDS), inputIds);
      return layers.norm(words.add(firstPositions(layers, inputIds, POSITIONS)), NORM);
    },
  };
}

function classifier(options: { readonly hiddenSize: number; readonly labels: number; readonly dropout: number }): Head {
  const { hiddenSize: C, labels, dropout: rate } = options;
  return {
    shapes: [...denseShapes("pre_classifier", C, C), ...denseShapes("classifier", labels, C)],
    tokens: "first",
    keys: 1,
    apply(hidden, { dense, nextKey }) {
      const pooled = dense(hidden.at(0, { axis: 1 }), "pre_classifier").relu();
      return dense(dropout(pooled, { rate, key: nextKey() }), "classifier");
    },
  };
}

/** DistilBERT (1910.01108). It knows of no types of tokens. */
export const DISTILBERT: Architecture = {
  modelType: "distilbert",
  classPrefix: "DistilBert",
  prefix: "distilbert",
  loraTargets: ["q_lin", "v_lin"],
  describe(json, options) {
    const { values, unused } = readConfig("distilbert", KEYS, json);
    const sizes: EncoderSizes = {
      vocabSize: values.vocab_size,
      hiddenSize: values.dim,
      layers: values.n_layers,
      heads: values.n_heads,
      intermediateSize: values.hidden_dim,
      maxLength: values.max_position_embeddings,
      activation: values.activation,
      layerNormEpsilon: 1e-12,
      initializerRange: values.initializer_range,
      dropout: options.dropout ?? values.dropout,
      attentionDropout: options.dropout ?? values.attention_dropout,
      checkpoint: options.checkpoint ?? false,
    };
    const classifierDropout = options.dropout ?? values.seq_classif_dropout;
    const names = { dense: "vocab_transform", norm: "vocab_layer_norm", bias: "vocab_projector.bias", words: WORDS };
    return {
      parts: encoderParts(sizes),
      classifierDropout,
      common: values,
      unused,
      head: (labels) =>
        options.head === "masked-lm"
          ? maskedHead({ ...sizes, names })
          : classifier({ hiddenSize: sizes.hiddenSize, labels, dropout: classifierDropout }),
    };
  },
};
