import * as v from "valibot";
import { type Architecture, sizesOf } from "./architecture.ts";
import { bertClassifier, bertMaskedHead } from "./bert.ts";
import { bertParts } from "./bert_parts.ts";
import { activation, COMMON, layerCount, positive, rate, readConfig, size } from "./config_json.ts";

/** Keys of BERT's config that RoBERTa shares. */
export const BERT_KEYS = {
  ...COMMON,
  hidden_size: size(768),
  num_hidden_layers: layerCount(12),
  num_attention_heads: size(12),
  intermediate_size: size(3072),
  hidden_act: activation("gelu"),
  hidden_dropout_prob: rate(0.1),
  attention_probs_dropout_prob: rate(0.1),
  max_position_embeddings: size(512),
  type_vocab_size: size(2),
  layer_norm_eps: positive(1e-12),
  classifier_dropout: v.nullish(v.pipe(v.number(), v.minValue(0), v.ltValue(1))),
} as const;

/** BERT (1810.04805), and MiniLM (2002.10957), which is a small one. */
export const BERT: Architecture = {
  modelType: "bert",
  classPrefix: "Bert",
  prefix: "bert",
  loraTargets: ["query", "value"],
  describe(json, options) {
    const { values, unused } = readConfig("bert", BERT_KEYS, json);
    const positionRows = values.max_position_embeddings;
    const sizes = sizesOf(values, positionRows, options);
    const classifierDropout = options.dropout ?? values.classifier_dropout ?? sizes.dropout;
    return {
      parts: bertParts({ prefix: "bert", sizes, typeVocabSize: values.type_vocab_size, positionRows }),
      classifierDropout,
      common: values,
      unused,
      head: (labels) =>
        options.head === "masked-lm"
          ? bertMaskedHead("bert", sizes)
          : bertClassifier({ hiddenSize: sizes.hiddenSize, labels, dropout: classifierDropout }),
    };
  },
};
