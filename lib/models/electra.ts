import { gelu } from "../ops/mod.ts";
import { type Architecture, sizesOf } from "./architecture.ts";
import { BERT_KEYS } from "./bert_architecture.ts";
import { bertParts } from "./bert_parts.ts";
import { readConfig, size, unread } from "./config_json.ts";
import type { EncoderParts, EncoderSizes } from "./encoder.ts";
import { maskedHead } from "./heads.ts";
import { denseShapes } from "./parameter_shapes.ts";
import { twoLayerClassifier } from "./roberta.ts";

const KEYS = {
  ...BERT_KEYS,
  embedding_size: size(128),
  hidden_size: size(256),
  num_attention_heads: size(4),
  intermediate_size: size(1024),
  // Of heads for multiple choice.
  summary_type: unread,
  summary_use_proj: unread,
  summary_activation: unread,
  summary_last_dropout: unread,
} as const;

const PROJECTION = "electra.embeddings_project";

function encoderParts(
  sizes: EncoderSizes,
  options: { readonly typeVocabSize: number; readonly positionRows: number; readonly embeddingSize: number },
): EncoderParts {
  const parts = bertParts({ prefix: "electra", sizes, ...options });
  const { embeddingSize: E } = options;
  if (E === sizes.hiddenSize) return parts;
  return {
    ...parts,
    embeddings: [...parts.embeddings, ...denseShapes(PROJECTION, sizes.hiddenSize, E)],
    widen: ({ dense }, embeddings) => dense(embeddings, PROJECTION),
  };
}

/**
 * ELECTRA (2003.10555): BERT, but that small ones have narrower embeddings. Discriminators and generators are the same
 * encoder; the masked-token head is the generator's.
 */
export const ELECTRA: Architecture = {
  modelType: "electra",
  classPrefix: "Electra",
  prefix: "electra",
  loraTargets: ["query", "value"],
  describe(json, options) {
    const { values, unused } = readConfig("electra", KEYS, json);
    const { embedding_size: embeddingSize, max_position_embeddings: positionRows, type_vocab_size: typeVocabSize } =
      values;
    const sizes = sizesOf(values, positionRows, options);
    const classifierDropout = options.dropout ?? values.classifier_dropout ?? sizes.dropout;
    return {
      parts: encoderParts(sizes, { typeVocabSize, positionRows, embeddingSize }),
      classifierDropout,
      common: values,
      unused,
      head: (labels) =>
        options.head === "classification"
          ? twoLayerClassifier({ hiddenSize: sizes.hiddenSize, labels, dropout: classifierDropout, activate: gelu })
          : maskedHead({
            ...sizes,
            embeddingSize,
            activation: "gelu", // whatever hidden_act says
            names: {
              dense: "generator_predictions.dense",
              norm: "generator_predictions.LayerNorm",
              bias: "generator_lm_head.bias",
              words: "electra.embeddings.word_embeddings.weight",
            },
          }),
    };
  },
};
