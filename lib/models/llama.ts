import * as v from "valibot";
import { linear, tensorOf, weightOf } from "../nn/linear.ts";
import { rmsNorm } from "../nn/rms_norm.ts";
import { rotate, rotationOf } from "../nn/rotary.ts";
import { embedding } from "../ops/mod.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ACTIVATIONS } from "./activations.ts";
import type { FromConfigOptions } from "./architecture.ts";
import {
  activation,
  COMMON,
  flag,
  layerCount,
  only,
  optionalSize,
  positive,
  rate,
  readConfig,
  size,
  unread,
} from "./config_json.ts";
import type { DecoderParts, DecoderSite, DecoderSizes } from "./decoder.ts";
import type { DecoderArchitecture } from "./decoder_architecture.ts";
import { denseShapes, type ParameterShape } from "./parameter_shapes.ts";
import { type Rope, ROPE_KEYS, ropeOf } from "./rope.ts";

/** Keys that Llama, Qwen2 and Qwen3 share. */
const KEYS = {
  ...COMMON,
  ...ROPE_KEYS,
  vocab_size: size(32000),
  hidden_size: size(4096),
  intermediate_size: size(11008),
  num_hidden_layers: layerCount(32),
  num_attention_heads: size(32),
  num_key_value_heads: optionalSize,
  head_dim: optionalSize,
  hidden_act: activation("silu"),
  max_position_embeddings: size(2048),
  rms_norm_eps: positive(1e-6),
  attention_dropout: rate(0),
  tie_word_embeddings: flag(false),
  // How a training of long ago was laid out on devices.
  pretraining_tp: unread,
  // Older files tell code for one device or another by it.
  rope_interleaved: only(false),
  is_llama_config: unread,
} as const;

const QWEN_KEYS = {
  ...KEYS,
  vocab_size: size(151936),
  intermediate_size: size(22016),
  max_position_embeddings: size(32768),
  use_sliding_window: only(false),
  // Both count with a sliding window alone.
  sliding_window: unread,
  max_window_layers: unread,
  layer_types: v.nullish(v.array(v.literal("full_attention"))),
} as const;

/** What sets the architectures of the family apart. */
interface Family {
  readonly name: string;
  /** Biases of the projections to queries, keys and values, and of that behind attention. */
  readonly biases: { readonly projections: boolean; readonly output: boolean; readonly feedForward: boolean };
  /** Whether queries and keys of each head are normalised. */
  readonly normsHeads: boolean;
}

const WORDS = "model.embed_tokens.weight";

/** x Wᵀ, and + b where there is a bias. */
function project({ params }: DecoderSite, x: Tensor, name: string, hasBias: boolean): Tensor {
  return linear(x, weightOf(params, `${name}.weight`), hasBias ? tensorOf(params, `${name}.bias`) : undefined);
}

function layerShapes({ biases, normsHeads }: Family, sizes: DecoderSizes): ParameterShape[] {
  const { hiddenSize: C, intermediateSize: F, heads, keyValueHeads, headSize: d } = sizes;
  const layer = (name: string, output: number, input: number, hasBias: boolean) =>
    denseShapes(name, output, input).slice(0, hasBias ? 2 : 1);
  const headNorms: ParameterShape[] = [["self_attn.q_norm.weight", [d]], ["self_attn.k_norm.weight", [d]]];
  return [
    ...layer("self_attn.q_proj", heads * d, C, biases.projections),
    ...layer("self_attn.k_proj", keyValueHeads * d, C, biases.projections),
    ...layer("self_attn.v_proj", keyValueHeads * d, C, biases.projections),
    ...layer("self_attn.o_proj", C, heads * d, biases.output),
    ...normsHeads ? headNorms : [],
    ...layer("mlp.gate_proj", F, C, biases.feedForward),
    ...layer("mlp.up_proj", F, C, biases.feedForward),
    ...layer("mlp.down_proj", C, F, biases.feedForward),
    ["input_layernorm.weight", [C]],
    ["post_attention_layernorm.weight", [C]],
  ];
}

function partsOf(family: Family, sizes: DecoderSizes, rope: Rope): DecoderParts {
  const { hiddenSize: C, vocabSize, headSize: d, layerNormEpsilon: epsilon } = sizes;
  const frequencies = tensor(rope.frequencies);
  const activate = ACTIVATIONS[sizes.activation];
  const norm: DecoderParts["norm"] = ({ get }, x, name) => rmsNorm(x, get(`${name}.weight`), { epsilon });
  const { projections, output, feedForward } = family.biases;
  const headsOf = (x: Tensor) => x.reshape([x.shape[0], x.shape[1], -1, d]);
  return {
    name: family.name,
    sizes,
    words: WORDS,
    embeddings: [[WORDS, [vocabSize, C]]],
    layer: (i) => `model.layers.${i}`,
    norms: ["input_layernorm", "post_attention_layernorm", "model.norm"],
    layerShapes: layerShapes(family, sizes),
    others: [["model.norm.weight", [C]]],
    embed: ({ get }, { inputIds }) => embedding(get(WORDS), inputIds),
    rotation: (positions) => rotationOf(positions, frequencies, { scale: rope.scale }),
    norm,
    project(site, x) {
      const at = (name: string) => `${site.layer}.self_attn.${name}`;
      const rotated = (name: "q" | "k") => {
        const heads = headsOf(project(site, x, at(`${name}_proj`), projections));
        const normed = family.normsHeads ? norm(site, heads, at(`${name}_norm`)) : heads;
        return rotate(normed.transpose([0, 2, 1, 3]), site.rotation!);
      };
      const v = headsOf(project(site, x, at("v_proj"), projections)).transpose([0, 2, 1, 3]);
      return { q: rotated("q"), k: rotated("k"), v };
    },
    mix: (site, x) => project(site, x, `${site.layer}.self_attn.o_proj`, output),
    feedForward(site, x) {
      const at = (name: string) => `${site.layer}.mlp.${name}_proj`;
      const widened = (name: string) => project(site, x, at(name), feedForward);
      return project(site, activate(widened("gate")).mul(widened("up")), at("down"), feedForward);
    },
  };
}

type Values = v.InferOutput<v.ObjectSchema<typeof KEYS, undefined>>;

function sizesOf(name: string, values: Values, options: FromConfigOptions): DecoderSizes {
  const { hidden_size: C, num_attention_heads: heads } = values;
  const keyValueHeads = values.num_key_value_heads ?? heads;
  const headSize = values.head_dim ?? C / heads;
  const refuse = (why: string) => new RangeError(`cannot make ${name} of this config.json as ${why}`);
  if (!Number.isInteger(headSize)) throw refuse(`${heads} heads do not divide a hidden size of ${C}`);
  if (headSize % 2 !== 0) throw refuse(`heads of ${headSize} elements have no pairs that positions could turn`);
  if (heads % keyValueHeads !== 0) {
    throw refuse(`num_key_value_heads ${keyValueHeads} does not divide num_attention_heads ${heads}`);
  }
  return {
    vocabSize: values.vocab_size,
    hiddenSize: C,
    layers: values.num_hidden_layers,
    heads,
    keyValueHeads,
    headSize,
    intermediateSize: values.intermediate_size,
    maxLength: values.max_position_embeddings,
    activation: values.hidden_act,
    layerNormEpsilon: values.rms_norm_eps,
    initializerRange: values.initializer_range,
    embeddingDropout: 0,
    dropout: 0,
    attentionDropout: options.dropout ?? values.attention_dropout,
    checkpoint: options.checkpoint ?? false,
  };
}

/** Frequencies, with the name of the architecture in what cannot be made. */
function ropeFrom(name: string, values: Values, { headSize: d, maxLength: longest }: DecoderSizes): Rope {
  try {
    return ropeOf(values, { d, longest });
  } catch (error) {
    if (error instanceof RangeError) {
      throw new RangeError(`cannot make ${name} of this config.json as ${error.message}`);
    }
    throw error;
  }
}

/** An architecture of the family, of the keys that its config has. */
function likeLlama(
  names: Pick<DecoderArchitecture, "modelType" | "classPrefix">,
  read: (
    json: unknown,
  ) => { readonly values: Values; readonly unused: readonly string[]; readonly family: Omit<Family, "name"> },
): DecoderArchitecture {
  const name = names.modelType;
  return {
    ...names,
    prefix: "model",
    loraTargets: ["q_proj", "v_proj"],
    beside: [/(^|\.)rotary_emb\.inv_freq$/],
    isTransposed: () => false,
    describe(json, options) {
      const { values, unused, family } = read(json);
      const sizes = sizesOf(name, values, options);
      return { parts: partsOf({ ...family, name }, sizes, ropeFrom(name, values, sizes)), common: values, unused };
    },
  };
}

/** Llama ([Touvron et al. 2023](https://arxiv.org/abs/2302.13971)), and what is built like it, such as SmolLM2. */
export const LLAMA: DecoderArchitecture = likeLlama({ modelType: "llama", classPrefix: "Llama" }, (json) => {
  const keys = { ...KEYS, attention_bias: flag(false), mlp_bias: flag(false) };
  const { values, unused } = readConfig("llama", keys, json);
  const { attention_bias: has, mlp_bias: feedForward } = values;
  return {
    values,
    unused,
    family: { biases: { projections: has, output: has, feedForward }, normsHeads: false },
  };
});

/** Qwen2 and Qwen2.5 ([Yang et al. 2024](https://arxiv.org/abs/2407.10671)): queries, keys and values have biases. */
export const QWEN2: DecoderArchitecture = likeLlama({ modelType: "qwen2", classPrefix: "Qwen2" }, (json) => {
  const keys = { ...QWEN_KEYS, num_key_value_heads: size(32) };
  const { values, unused } = readConfig("qwen2", keys, json);
  const biases = { projections: true, output: false, feedForward: false };
  return { values, unused, family: { biases, normsHeads: false } };
});

/** Qwen3 ([Yang et al. 2025](https://arxiv.org/abs/2505.09388)): queries and keys of each head are normalised. */
export const QWEN3: DecoderArchitecture = likeLlama({ modelType: "qwen3", classPrefix: "Qwen3" }, (json) => {
  const keys = { ...QWEN_KEYS, num_key_value_heads: size(32), head_dim: size(128), attention_bias: flag(false) };
  const { values, unused } = readConfig("qwen3", keys, json);
  const biases = { projections: values.attention_bias, output: values.attention_bias, feedForward: false };
  return { values, unused, family: { biases, normsHeads: true } };
});
