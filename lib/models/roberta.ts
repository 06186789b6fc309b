import * as v from "valibot";
import { arange, embedding, tanh } from "../ops/mod.ts";
import { dropout } from "../nn/dropout.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Architecture, sizesOf } from "./architecture.ts";
import { BERT_KEYS } from "./bert_architecture.ts";
import { bertParts } from "./bert_parts.ts";
import { readConfig, size } from "./config_json.ts";
import { type Head, maskedHead } from "./heads.ts";
import { denseShapes } from "./parameter_shapes.ts";

/**
 * Positions of tokens i32 `[B, T]`, counted from `padding + 1`; padding, wherever it stands, has position `padding` and
 * does not count.
 */
export function positionsPastPadding(inputIds: Tensor, padding: number): Tensor {
  const T = inputIds.shape[1];
  const isToken = inputIds.notEqual(padding).astype("f32");
  const isSeen = arange(T).expandDims(1).lessEqual(arange(T)).astype("f32");
  return isToken.matmul(isSeen).mul(isToken).astype("i32").add(padding);
}

/** Options of {@linkcode twoLayerClassifier}. */
export interface TwoLayerClassifierOptions {
  readonly hiddenSize: number;
  readonly labels: number;
  /** Rate in front of each of its layers. */
  readonly dropout: number;
  /** Between them. */
  readonly activate: (x: Tensor) => Tensor;
  /** What its layers' names begin with; `classifier` by default. */
  readonly name?: string;
}

/** The head on the first token that RoBERTa and ELECTRA have, and BART on a token of its choice. */
export function twoLayerClassifier(options: TwoLayerClassifierOptions): Head {
  const { hiddenSize: C, labels, dropout: rate, activate, name = "classifier" } = options;
  return {
    shapes: [...denseShapes(`${name}.dense`, C, C), ...denseShapes(`${name}.out_proj`, labels, C)],
    tokens: "first",
    keys: 2,
    apply(hidden, { dense, nextKey }) {
      const drop = (x: Tensor) => dropout(x, { rate, key: nextKey() });
      const first = drop(hidden.at(0, { axis: 1 }));
      return dense(drop(activate(dense(first, `${name}.dense`))), `${name}.out_proj`);
    },
  };
}

/** An architecture that computes what RoBERTa does, under RoBERTa's names. */
function likeRoberta(
  { modelType, classPrefix, vocabSize }: Pick<Architecture, "modelType" | "classPrefix"> & {
    /** Where the config does not say. */
    readonly vocabSize: number;
  },
): Architecture {
  return {
    modelType,
    classPrefix,
    prefix: "roberta",
    loraTargets: ["query", "value"],
    describe(json, options) {
      const keys = {
        ...BERT_KEYS,
        vocab_size: size(vocabSize),
        pad_token_id: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(0)), 1),
      };
      const { values, unused } = readConfig(modelType, keys, json);
      const { pad_token_id: padding, max_position_embeddings: positionRows } = values;
      // Positions 0 to `padding` stand for no token.
      const maxLength = positionRows - padding - 1;
      if (maxLength < 1) {
        throw new RangeError(
          `cannot make ${modelType} of this config.json as max_position_embeddings ${positionRows} leaves no position ` +
            `after pad_token_id ${padding}`,
        );
      }
      const sizes = sizesOf(values, maxLength, options);
      const { hiddenSize } = sizes;
      const classifierDropout = options.dropout ?? values.classifier_dropout ?? sizes.dropout;
      return {
        parts: bertParts({
          prefix: "roberta",
          sizes,
          typeVocabSize: values.type_vocab_size,
          positionRows,
          positions: ({ get }, inputIds, table) => embedding(get(table), positionsPastPadding(inputIds, padding)),
        }),
        classifierDropout,
        common: values,
        unused,
        head: (labels) =>
          options.head === "classification"
            ? twoLayerClassifier({ hiddenSize, labels, dropout: classifierDropout, activate: tanh })
            : maskedHead({
              ...sizes,
              activation: "gelu", // whatever hidden_act says
              names: {
                dense: "lm_head.dense",
                norm: "lm_head.layer_norm",
                bias: "lm_head.bias",
                words: "roberta.embeddings.word_embeddings.weight",
              },
            }),
      };
    },
  };
}

/** RoBERTa (1907.11692). */
export const ROBERTA: Architecture = likeRoberta({
  modelType: "roberta",
  classPrefix: "Roberta",
  vocabSize: 50265,
});

/** XLM-RoBERTa (1911.02116): RoBERTa on texts of a hundred languages. */
export const XLM_ROBERTA: Architecture = likeRoberta({
  modelType: "xlm-roberta",
  classPrefix: "XLMRoberta",
  vocabSize: 30522,
});

/** CamemBERT (1911.03894): RoBERTa on French texts. */
export const CAMEMBERT: Architecture = likeRoberta({
  modelType: "camembert",
  classPrefix: "Camembert",
  vocabSize: 30522,
});
