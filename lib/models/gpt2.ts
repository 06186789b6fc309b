import type * as v from "valibot";
import { embedding, split } from "../ops/mod.ts";
import { ACTIVATIONS } from "./activations.ts";
import {
  activation,
  COMMON,
  layerCount,
  only,
  optionalSize,
  positive,
  rate,
  readConfig,
  size,
  unread,
} from "./config_json.ts";
import type { FromConfigOptions } from "./architecture.ts";
import type { DecoderParts, DecoderSizes } from "./decoder.ts";
import type { DecoderArchitecture } from "./decoder_architecture.ts";
import { splitHeads } from "./encoder.ts";
import { denseShapes, normShapes } from "./parameter_shapes.ts";

const KEYS = {
  ...COMMON,
  vocab_size: size(50257),
  n_positions: size(1024),
  n_embd: size(768),
  n_layer: layerCount(12),
  n_head: size(12),
  n_inner: optionalSize,
  activation_function: activation("gelu_new"),
  resid_pdrop: rate(0.1),
  embd_pdrop: rate(0.1),
  attn_pdrop: rate(0.1),
  layer_norm_epsilon: positive(1e-5),
  scale_attn_weights: only(true),
  scale_attn_by_inverse_layer_idx: only(false),
  // How half precision is kept from overflowing, which changes nothing in f32.
  reorder_and_upcast_attn: unread,
  // Older files have what is n_positions today under this name, too.
  n_ctx: unread,
  // Of a head for multiple choice.
  summary_type: unread,
  summary_use_proj: unread,
  summary_activation: unread,
  summary_proj_to_labels: unread,
  summary_first_dropout: unread,
} as const;

const [WORDS, POSITIONS] = ["wte", "wpe"].map((name) => `transformer.${name}.weight`);
const LAST_NORM = "transformer.ln_f";

function partsOf(sizes: DecoderSizes): DecoderParts {
  const { hiddenSize: C, intermediateSize: F, vocabSize, maxLength, heads } = sizes;
  const activate = ACTIVATIONS[sizes.activation];
  return {
    name: "gpt2",
    sizes,
    words: WORDS,
    embeddings: [[WORDS, [vocabSize, C]], [POSITIONS, [maxLength, C]]],
    layer: (i) => `transformer.h.${i}`,
    norms: ["ln_1", "ln_2", LAST_NORM],
    layerShapes: [
      ...normShapes("ln_1", C),
      ...denseShapes("attn.c_attn", 3 * C, C),
      ...denseShapes("attn.c_proj", C, C),
      ...normShapes("ln_2", C),
      ...denseShapes("mlp.c_fc", F, C),
      ...denseShapes("mlp.c_proj", C, F),
    ],
    others: normShapes(LAST_NORM, C),
    embed: ({ get }, { inputIds, positions }) =>
      embedding(get(WORDS), inputIds).add(embedding(get(POSITIONS), positions)),
    norm: ({ norm }, x, name) => norm(x, name),
    project({ dense, layer }, x) {
      const [q, k, v] = split(dense(x, `${layer}.attn.c_attn`), { sections: 3 }).map((part) => splitHeads(part, heads));
      return { q, k, v };
    },
    mix: ({ dense, layer }, x) => dense(x, `${layer}.attn.c_proj`),
    feedForward: ({ dense, layer }, x) => dense(activate(dense(x, `${layer}.mlp.c_fc`)), `${layer}.mlp.c_proj`),
  };
}

function sizesOf(values: v.InferOutput<v.ObjectSchema<typeof KEYS, undefined>>, options: FromConfigOptions) {
  const { n_embd: C, n_head: heads } = values;
  if (C % heads !== 0) {
    throw new RangeError(`cannot make gpt2 of this config.json as ${heads} heads do not divide a hidden size of ${C}`);
  }
  return {
    vocabSize: values.vocab_size,
    hiddenSize: C,
    layers: values.n_layer,
    heads,
    keyValueHeads: heads,
    headSize: C / heads,
    intermediateSize: values.n_inner ?? 4 * C,
    maxLength: values.n_positions,
    activation: values.activation_function,
    layerNormEpsilon: values.layer_norm_epsilon,
    initializerRange: values.initializer_range,
    embeddingDropout: options.dropout ?? values.embd_pdrop,
    dropout: options.dropout ?? values.resid_pdrop,
    attentionDropout: options.dropout ?? values.attn_pdrop,
    checkpoint: options.checkpoint ?? false,
  };
}

/** GPT-2 (Radford et al. 2019). Its Conv1D layers are linear layers whose weights files hold transposed. */
export const GPT2: DecoderArchitecture = {
  modelType: "gpt2",
  classPrefix: "GPT2",
  prefix: "transformer",
  loraTargets: ["c_attn"],
  beside: [/^h\.\d+\.attn\.(bias|masked_bias)$/],
  isTransposed: (name) => /\.(c_attn|c_proj|c_fc)\.weight$/.test(name),
  describe(json, options) {
    const { values, unused } = readConfig("gpt2", KEYS, json);
    return { parts: partsOf(sizesOf(values, options)), common: values, unused };
  },
};
