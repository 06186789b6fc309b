import * as v from "valibot";
import type { CommonConfig, FromConfigOptions } from "./architecture.ts";
import { activation, COMMON, flag, layerCount, only, positive, rate, readConfig, size, unread } from "./config_json.ts";
import type { EncoderSizes } from "./encoder.ts";
import type { Seq2SeqTokens } from "./seq2seq.ts";

const id = v.pipe(v.number(), v.integer(), v.minValue(0));
const ids = v.union([id, v.array(id)]);
/** A size that another key has already, under another name. */
const again = v.nullish(v.number());

const KEYS = {
  ...COMMON,
  vocab_size: size(50265),
  d_model: size(1024),
  max_position_embeddings: size(1024),
  encoder_layers: layerCount(12),
  encoder_ffn_dim: size(4096),
  encoder_attention_heads: size(16),
  decoder_layers: layerCount(12),
  decoder_ffn_dim: size(4096),
  decoder_attention_heads: size(16),
  activation_function: activation("gelu"),
  dropout: rate(0.1),
  attention_dropout: rate(0),
  activation_dropout: rate(0),
  classifier_dropout: rate(0),
  encoder_layerdrop: only(0),
  decoder_layerdrop: only(0),
  init_std: positive(0.02),
  scale_embedding: flag(false),
  is_encoder_decoder: only(true),
  tie_word_embeddings: only(true),
  // Absent, they have defaults; null, there are none.
  pad_token_id: v.optional(id, 1),
  bos_token_id: v.optional(v.nullable(id), 0),
  eos_token_id: v.optional(ids, 2),
  decoder_start_token_id: v.optional(id, 2),
  forced_bos_token_id: v.optional(v.nullable(id), null),
  forced_eos_token_id: v.optional(v.nullable(ids), 2),
  force_bos_token_to_be_generated: flag(false),
  // Of old files, whose other values are those of other models.
  normalize_before: only(false),
  normalize_embedding: only(true),
  add_final_layer_norm: only(false),
  add_bias_logits: only(false),
  static_position_embeddings: only(false),
  extra_pos_embeddings: only(2),
  num_hidden_layers: again,
  num_attention_heads: again,
  hidden_size: again,
  classif_dropout: unread,
} as const;

type Values = v.InferOutput<v.ObjectSchema<typeof KEYS, undefined>>;

/** What a BART's `config.json` says. */
export interface BartDescription {
  readonly encoder: EncoderSizes;
  readonly decoder: EncoderSizes;
  /** Rate of dropout behind activations, where a key is given. */
  readonly activationDropout: number;
  readonly classifierDropout: number;
  /** What embeddings of words are multiplied by. */
  readonly wordScale: number;
  readonly tokens: Seq2SeqTokens;
  readonly common: CommonConfig;
  readonly unused: readonly string[];
}

function refuse(what: string): never {
  throw new RangeError(`cannot make bart of this config.json as ${what}`);
}

/** Refuses what no single key can tell. */
function check(values: Values, options: FromConfigOptions): void {
  const same = [
    ["num_hidden_layers", "encoder_layers"],
    ["num_attention_heads", "encoder_attention_heads"],
    ["hidden_size", "d_model"],
  ] as const;
  for (const [other, own] of same) {
    const given = values[other];
    if (given !== undefined && given !== null && given !== values[own]) {
      refuse(`${other} ${given} is another name of ${own}, which is ${values[own]}`);
    }
  }
  for (const part of ["encoder", "decoder"] as const) {
    const [heads, C] = [values[`${part}_attention_heads`], values.d_model];
    if (C % heads !== 0) refuse(`${heads} heads of the ${part} do not divide a d_model of ${C}`);
  }
  for (const [name, value] of Object.entries(values)) {
    if (!name.endsWith("_token_id")) continue;
    const outside = [value].flat().find((one) => typeof one === "number" && one >= values.vocab_size);
    if (outside !== undefined) refuse(`${name} ${outside} is not among the ${values.vocab_size} tokens of vocab_size`);
  }
  if (options.head === "classification" && Array.isArray(values.eos_token_id)) {
    refuse(
      `eos_token_id ${
        JSON.stringify(values.eos_token_id)
      } is not supported with a classification head: there is only one`,
    );
  }
}

function tokensOf(values: Values): Seq2SeqTokens {
  const { bos_token_id: first, forced_bos_token_id: forced, forced_eos_token_id: last } = values;
  const forcedFirst = forced ?? (values.force_bos_token_to_be_generated ? first : null);
  return {
    padId: values.pad_token_id,
    ...first !== null && { firstId: first },
    endIds: [values.eos_token_id].flat(),
    decoderStartId: values.decoder_start_token_id,
    ...forcedFirst !== null && { forcedFirstId: forcedFirst },
    forcedEndIds: last === null ? [] : [last].flat(),
  };
}

/** Reads a parsed `config.json` of BART's. Throws a RangeError that names what is not supported. */
export function describeBart(json: unknown, options: FromConfigOptions): BartDescription {
  const { values, unused } = readConfig("bart", KEYS, json);
  check(values, options);
  const shared = {
    vocabSize: values.vocab_size,
    hiddenSize: values.d_model,
    maxLength: values.max_position_embeddings,
    activation: values.activation_function,
    layerNormEpsilon: 1e-5,
    initializerRange: values.init_std,
    dropout: options.dropout ?? values.dropout,
    attentionDropout: options.dropout ?? values.attention_dropout,
    checkpoint: options.checkpoint ?? false,
  };
  const sizes = (part: "encoder" | "decoder"): EncoderSizes => ({
    ...shared,
    layers: values[`${part}_layers`],
    heads: values[`${part}_attention_heads`],
    intermediateSize: values[`${part}_ffn_dim`],
  });
  return {
    encoder: sizes("encoder"),
    decoder: sizes("decoder"),
    activationDropout: options.dropout ?? values.activation_dropout,
    classifierDropout: options.dropout ?? values.classifier_dropout,
    wordScale: values.scale_embedding ? Math.sqrt(values.d_model) : 1,
    tokens: tokensOf(values),
    // BART's own default: it began with entailment.
    common: { ...values, num_labels: values.num_labels ?? (values.id2label ? undefined : 3) },
    unused,
  };
}
