import * as v from "valibot";
import { embedding } from "../ops/mod.ts";
import { dropout } from "../nn/dropout.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ActivationName, ACTIVATIONS } from "./activations.ts";
import { type Architecture, sizesOf } from "./architecture.ts";
import { bertMaskedHead } from "./bert.ts";
import { BERT_LAYER, firstPositions, typesOf } from "./bert_parts.ts";
import { activation, COMMON, flag, layerCount, only, positive, rate, readConfig, size } from "./config_json.ts";
import { disentangledAttention, distanceRows, type RelativePositions } from "./disentangled_attention.ts";
import {
  type AttentionSite,
  type EncoderParts,
  type EncoderSizes,
  joinHeads,
  type LayerNames,
  splitHeads,
} from "./encoder.ts";
import { type Head, maskedHead } from "./heads.ts";
import { denseShapes, normShapes, tableShapes } from "./parameter_shapes.ts";

const splitBars = (text: string): string[] => text.toLowerCase().split("|").map((part) => part.trim());
const barred = <const Names extends readonly string[]>(names: Names) =>
  v.nullish(
    v.pipe(
      v.union([v.pipe(v.string(), v.transform(splitBars)), v.array(v.string())]),
      v.array(v.picklist(names)),
    ),
    [],
  );

const KEYS = {
  ...COMMON,
  vocab_size: size(128100),
  hidden_size: size(1536),
  num_hidden_layers: layerCount(24),
  num_attention_heads: size(24),
  intermediate_size: size(6144),
  hidden_act: activation("gelu"),
  hidden_dropout_prob: rate(0.1),
  attention_probs_dropout_prob: rate(0.1),
  layer_norm_eps: positive(1e-7),
  max_position_embeddings: size(512),
  type_vocab_size: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 16)), 0),
  relative_attention: v.literal(true),
  max_relative_positions: v.nullish(v.pipe(v.number(), v.integer(), v.maxValue(2 ** 20)), -1),
  position_buckets: v.nullish(v.pipe(v.number(), v.integer(), v.maxValue(2 ** 20)), -1),
  pos_att_type: barred(["c2p", "p2c"]),
  norm_rel_ebd: barred(["none", "layer_norm"]),
  share_att_key: flag(false),
  position_biased_input: flag(true),
  pooler_dropout: rate(0),
  pooler_hidden_act: activation("gelu"),
  pooler_hidden_size: v.nullish(v.number()),
  embedding_size: v.nullish(v.number()),
  attention_head_size: v.nullish(v.number()),
  cls_dropout: v.nullish(v.pipe(v.number(), v.minValue(0), v.ltValue(1))),
  conv_kernel_size: only(0),
  legacy: flag(true),
} as const;

type Values = v.InferOutput<v.ObjectSchema<typeof KEYS, undefined>>;

const LAYER: LayerNames = {
  ...BERT_LAYER,
  query: "attention.self.query_proj",
  key: "attention.self.key_proj",
  value: "attention.self.value_proj",
};
const POSITION_KEY = "attention.self.pos_key_proj";
const POSITION_QUERY = "attention.self.pos_query_proj";
const EMBEDDINGS = "deberta.embeddings";
const WORDS = `${EMBEDDINGS}.word_embeddings.weight`;
const POSITIONS = `${EMBEDDINGS}.position_embeddings.weight`;
const TYPES = `${EMBEDDINGS}.token_type_embeddings.weight`;
const DISTANCES = "deberta.encoder.rel_embeddings.weight";
const DISTANCE_NORM = "deberta.encoder.LayerNorm";

function refuse(what: string): never {
  throw new RangeError(`cannot make deberta-v2 of this config.json as ${what}`);
}

/** Refuses what no single key can tell. */
function checkSizes(values: Values): void {
  const { hidden_size: C, num_attention_heads: heads } = values;
  const sizes = [["pooler_hidden_size", C], ["embedding_size", C], ["attention_head_size", C / heads]] as const;
  for (const [name, wanted] of sizes) {
    const given = values[name];
    if (given !== undefined && given !== null && given !== wanted) {
      refuse(`${name} ${given} is not supported: with a hidden_size of ${C} there is only ${wanted}`);
    }
  }
}

function relativePositions(values: Values): RelativePositions {
  const { max_relative_positions: given, max_position_embeddings, position_buckets } = values;
  const longest = given < 1 ? max_position_embeddings : given;
  const buckets = Math.max(position_buckets, 0);
  if (buckets > 0 && (buckets < 2 || longest - 1 <= Math.floor(buckets / 2))) {
    refuse(`position_buckets ${buckets} do not fit max_relative_positions ${longest}`);
  }
  return { span: buckets || longest, buckets, longest };
}

/** Attention of a layer, with its two projections of the table of distances. */
function mixer(values: Values, sizes: EncoderSizes): (site: AttentionSite) => Tensor {
  const positions = relativePositions(values);
  const { share_att_key: isShared, pos_att_type: terms } = values;
  const isNormed = values.norm_rel_ebd.includes("layer_norm");
  const names = isShared ? { key: LAYER.key, query: LAYER.query } : { key: POSITION_KEY, query: POSITION_QUERY };
  return (site) => {
    const { layer, input, own, mask, nextKey, get, norm, dense } = site;
    const [Tq, T] = [own.shape[1], input.shape[1]];
    const project = (x: Tensor, name: string) => splitHeads(dense(x, `${layer}.${name}`), sizes.heads);
    const distances = get(DISTANCES).astype("f32");
    const table = isNormed ? norm(distances, DISTANCE_NORM) : distances;
    const dropped = dropout(table, { rate: sizes.dropout, key: nextKey() });
    // A distance's row is looked up before it is projected: T + Tq rows are fewer than the table has, mostly.
    const projectRows = (name: string, first: number, step: 1 | -1) =>
      project(embedding(dropped, distanceRows(first, step, T + Tq, positions)).expandDims(0), name);
    const mixed = disentangledAttention(
      project(own, LAYER.query),
      project(input, LAYER.key),
      project(input, LAYER.value),
      {
        mask,
        positionKeys: terms.includes("c2p") ? projectRows(names.key, Tq - 1, -1) : undefined,
        positionQueries: terms.includes("p2c") ? projectRows(names.query, 1 - T, 1) : undefined,
        dropout: sizes.attentionDropout,
        key: nextKey(),
      },
    );
    return joinHeads(mixed);
  };
}

function encoderParts(values: Values, sizes: EncoderSizes): EncoderParts {
  const { hiddenSize: C, vocabSize, maxLength } = sizes;
  const { type_vocab_size: types, position_biased_input: hasPositions, pos_att_type: terms } = values;
  const has = (term: "c2p" | "p2c") => !values.share_att_key && terms.includes(term);
  return {
    name: "deberta-v2",
    sizes,
    names: LAYER,
    layer: (i) => `deberta.encoder.layer.${i}`,
    embeddings: [
      [WORDS, [vocabSize, C]],
      ...hasPositions ? tableShapes(POSITIONS, maxLength, C) : [],
      ...types > 0 ? tableShapes(TYPES, types, C) : [],
      ...normShapes(`${EMBEDDINGS}.LayerNorm`, C),
    ],
    layerExtras: [
      ...has("c2p") ? denseShapes(POSITION_KEY, C, C) : [],
      ...has("p2c") ? denseShapes(POSITION_QUERY, C, C) : [],
    ],
    others: [
      [DISTANCES, [2 * relativePositions(values).span, C]],
      ...values.norm_rel_ebd.includes("layer_norm") ? normShapes(DISTANCE_NORM, C) : [],
    ],
    embed(layers, batch) {
      let x = embedding(layers.get(WORDS), batch.inputIds);
      if (hasPositions) x = x.add(firstPositions(layers, batch.inputIds, POSITIONS));
      if (types > 0) x = x.add(typesOf(layers, batch, TYPES));
      const isToken = batch.attentionMask.astype("f32").expandDims(2);
      return layers.norm(x, `${EMBEDDINGS}.LayerNorm`).mul(isToken);
    },
    mix: mixer(values, sizes),
    keysOfMix: 2,
  };
}

function classifier(options: {
  readonly hiddenSize: number;
  readonly labels: number;
  readonly dropout: number;
  readonly poolerDropout: number;
  readonly activation: ActivationName;
}): Head {
  const { hiddenSize: C, labels, activation } = options;
  return {
    shapes: [...denseShapes("pooler.dense", C, C), ...denseShapes("classifier", labels, C)],
    tokens: "first",
    keys: 2,
    apply(hidden, { dense, nextKey }) {
      const drop = (x: Tensor, rate: number) => dropout(x, { rate, key: nextKey() });
      const first = drop(hidden.at(0, { axis: 1 }), options.poolerDropout);
      const pooled = ACTIVATIONS[activation](dense(first, "pooler.dense"));
      return dense(drop(pooled, options.dropout), "classifier");
    },
  };
}

/** DeBERTa-v2 and v3 (2006.03654, 2111.09543) without convolution, as all of `microsoft/deberta-v3-*` are. */
export const DEBERTA: Architecture = {
  modelType: "deberta-v2",
  classPrefix: "DebertaV2",
  prefix: "deberta",
  loraTargets: ["query_proj", "value_proj"],
  describe(json, options) {
    const { values, unused } = readConfig("deberta-v2", KEYS, json);
    checkSizes(values);
    const sizes = sizesOf(values, values.max_position_embeddings, options);
    const classifierDropout = options.dropout ?? values.cls_dropout ?? sizes.dropout;
    const names = {
      dense: "lm_predictions.lm_head.dense",
      norm: "lm_predictions.lm_head.LayerNorm",
      bias: "lm_predictions.lm_head.bias",
      words: WORDS,
    };
    const fill = () => values.legacy ? bertMaskedHead("deberta", sizes) : maskedHead({ ...sizes, names });
    const classify = (labels: number) =>
      classifier({
        hiddenSize: sizes.hiddenSize,
        labels,
        dropout: classifierDropout,
        poolerDropout: options.dropout ?? values.pooler_dropout,
        activation: values.pooler_hidden_act,
      });
    return {
      parts: encoderParts(values, sizes),
      classifierDropout,
      common: values,
      unused,
      head: (labels) => options.head === "masked-lm" ? fill() : classify(labels),
    };
  },
};
