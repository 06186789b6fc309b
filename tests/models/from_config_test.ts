import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { fromConfig, type FromConfigOptions, type HeadName, LORA_TARGETS } from "../../lib/models/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { selectTargets } from "../../lib/peft/mod.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import { testDevice } from "../support/device.ts";
import { describedDecoders } from "../support/decoders.ts";
import { caseBatch, CASES, checkpointOf, described } from "../support/pretrained.ts";

const configOf = (name: string) => described.cases[name].classification.config;
const make = (
  name: string,
  changes: Record<string, unknown> = {},
  options: Partial<FromConfigOptions<HeadName>> = {},
) => fromConfig({ ...configOf(name), ...changes }, { head: "classification", ...options });

const REFUSED: readonly (readonly [name: string, changes: Record<string, unknown>, message: string])[] = [
  [
    "bert",
    { model_type: "robertta" },
    'cannot make a model of this config.json as model_type "robertta" is not supported: did you mean "roberta"? there are bert,',
  ],
  [
    "bert",
    { model_type: "gpt_neo" },
    'model_type "gpt_neo" is not supported: there are bert, roberta, xlm-roberta, camembert, electra, distilbert, deberta-v2',
  ],
  ["bert", { model_type: "albert" }, 'model_type "albert" is not supported: there are bert, roberta,'],
  ["bert", { model_type: "deberta" }, 'model_type "deberta" is not supported: there are bert, roberta,'],
  ["bert", { model_type: null, architectures: null }, "config.json names no model_type: there are bert, roberta"],
  [
    "bert",
    { hidden_act: "gelu_neww" },
    'cannot make bert of this config.json as hidden_act "gelu_neww" is not supported: did you mean "gelu_new"? there are gelu,',
  ],
  ["bert", { position_embedding_type: "relative_key" }, 'position_embedding_type "relative_key" is not supported'],
  ["bert", { is_decoder: true }, "is_decoder true is not supported: there is only false"],
  ["bert", { add_cross_attention: true }, "add_cross_attention true is not supported"],
  ["bert", { pruned_heads: { "0": [1] } }, 'pruned_heads {"0":[1]} is not supported'],
  ["bert", { quantization_config: { bits: 4 } }, 'quantization_config {"bits":4} is not supported'],
  ["bert", { type_vocab_size: 0 }, "type_vocab_size is wrong: Invalid value: Expected >=1 but received 0"],
  ["bert", { num_hidden_layers: 1e9 }, "num_hidden_layers is wrong"],
  ["bert", { hidden_size: "36" }, "hidden_size is wrong"],
  ["bert", { hidden_dropout_prob: 1 }, "hidden_dropout_prob is wrong: a rate lies in [0, 1)"],
  [
    "bert",
    { num_attention_heads: 5 },
    "cannot make bert of this config.json as 5 heads do not divide a hidden size of 36",
  ],
  ["bert", { num_hidden_layers: null, num_hidden_layer: 2 }, 'as it has no num_hidden_layers, but "num_hidden_layer"'],
  ["bert", { num_labels: 4 }, "config.json contradicts itself: num_labels is 4, id2label has 3"],
  ["bert", { problem_type: "multi_label_classification" }, 'multi_label_classification" is not supported'],
  ["roberta", { max_position_embeddings: 2 }, "max_position_embeddings 2 leaves no position after pad_token_id 1"],
  ["distilbert", { sinusoidal_pos_embds: true }, "sinusoidal_pos_embds true is not supported: there is only false"],
  ["distilbert", { activation: "mish" }, 'activation "mish" is not supported'],
  ["deberta-v3", { relative_attention: false }, "relative_attention false is not supported: there is only true"],
  ["deberta-v3", { pos_att_type: "c2p|p2p" }, '"p2p" is not supported: did you mean'],
  ["deberta-v3", { norm_rel_ebd: "batch_norm" }, '"batch_norm" is not supported'],
  ["deberta-v3", { conv_kernel_size: 3 }, "conv_kernel_size 3 is not supported: there is only 0"],
  [
    "deberta-v3",
    { embedding_size: 18 },
    "embedding_size 18 is not supported: with a hidden_size of 36 there is only 36",
  ],
  ["deberta-v3", { position_buckets: 46 }, "position_buckets 46 do not fit max_relative_positions 24"],
];

const BERT_BASE = {
  model_type: "bert",
  architectures: ["BertForMaskedLM"],
  attention_probs_dropout_prob: 0.1,
  gradient_checkpointing: false,
  hidden_act: "gelu",
  hidden_dropout_prob: 0.1,
  hidden_size: 768,
  initializer_range: 0.02,
  intermediate_size: 3072,
  layer_norm_eps: 1e-12,
  max_position_embeddings: 512,
  num_attention_heads: 12,
  num_hidden_layers: 12,
  pad_token_id: 0,
  position_embedding_type: "absolute",
  transformers_version: "4.6.0.dev0",
  type_vocab_size: 2,
  use_cache: true,
  vocab_size: 30522,
};

/** Models that people have, with PyTorch's number of parameters for both heads. */
const KNOWN: readonly (readonly [name: string, config: Record<string, unknown>, counts: readonly [number, number]])[] =
  [
    ["bert-base-uncased", BERT_BASE, [109483778, 109514298]],
    [
      "MiniLM-L6-H384",
      { ...BERT_BASE, hidden_size: 384, intermediate_size: 1536, num_hidden_layers: 6 },
      [22713986, 22744506],
    ],
    [
      "roberta-base",
      {
        ...BERT_BASE,
        model_type: "roberta",
        bos_token_id: 0,
        eos_token_id: 2,
        layer_norm_eps: 1e-5,
        max_position_embeddings: 514,
        pad_token_id: 1,
        type_vocab_size: 1,
        vocab_size: 50265,
      },
      [124647170, 124697433],
    ],
    [
      "xlm-roberta-base",
      {
        ...BERT_BASE,
        model_type: "xlm-roberta",
        layer_norm_eps: 1e-5,
        max_position_embeddings: 514,
        output_past: true,
        pad_token_id: 1,
        type_vocab_size: 1,
        vocab_size: 250002,
      },
      [278045186, 278295186],
    ],
    [
      "electra-small",
      {
        ...BERT_BASE,
        model_type: "electra",
        embedding_size: 128,
        hidden_size: 256,
        intermediate_size: 1024,
        num_attention_heads: 4,
        summary_activation: "gelu",
        summary_last_dropout: 0.1,
        summary_type: "first",
        summary_use_proj: true,
      },
      [13549314, 13546682],
    ],
    [
      "distilbert-base-uncased",
      {
        model_type: "distilbert",
        activation: "gelu",
        attention_dropout: 0.1,
        dim: 768,
        dropout: 0.1,
        hidden_dim: 3072,
        initializer_range: 0.02,
        max_position_embeddings: 512,
        n_heads: 12,
        n_layers: 6,
        pad_token_id: 0,
        qa_dropout: 0.1,
        seq_classif_dropout: 0.2,
        sinusoidal_pos_embds: false,
        tie_weights_: true,
        vocab_size: 30522,
      },
      [66955010, 66985530],
    ],
    [
      "deberta-v3-base",
      {
        model_type: "deberta-v2",
        attention_probs_dropout_prob: 0.1,
        hidden_act: "gelu",
        hidden_dropout_prob: 0.1,
        hidden_size: 768,
        initializer_range: 0.02,
        intermediate_size: 3072,
        max_position_embeddings: 512,
        relative_attention: true,
        position_buckets: 256,
        norm_rel_ebd: "layer_norm",
        share_att_key: true,
        pos_att_type: "p2c|c2p",
        layer_norm_eps: 1e-7,
        max_relative_positions: -1,
        position_biased_input: false,
        num_attention_heads: 12,
        num_hidden_layers: 12,
        type_vocab_size: 0,
        vocab_size: 128100,
      },
      [184423682, 184551780],
    ],
  ];

describe("fromConfig()", () => {
  beforeAll(async () => void await testDevice());

  for (const [name, changes, message] of REFUSED) {
    it(`refuses a ${name} with ${JSON.stringify(changes)}, and says why`, () => {
      expect(() => make(name, changes)).toThrow(message);
    });
  }

  it("refuses an untied output only where there is one", () => {
    const changes = { tie_word_embeddings: false };
    expect(() => make("bert", changes, { head: "masked-lm" })).toThrow(
      "cannot make bert of this config.json as tie_word_embeddings false is not supported with a masked-lm head: there is only true",
    );
    expect(make("bert", changes).config.labels).toBe(3);
  });

  it("refuses a head that it does not have", () => {
    expect(() => make("bert", {}, { head: "clasification" as "classification" })).toThrow(
      'unknown head "clasification": did you mean "classification"? There are classification, masked-lm',
    );
  });

  it("refuses what is no object", () => {
    for (const json of [null, [], "bert", 3]) {
      expect(() => fromConfig(json, { head: "classification" })).toThrow("a config.json holds an object");
    }
  });

  for (const [type, defaults] of Object.entries(described.defaults)) {
    it(`fills in what a ${type} config leaves out, as Hugging Face does`, () => {
      // DeBERTa's relative attention must be asked for: without it, it is another model, which is not supported.
      const changes = type === "deberta-v2" ? { relative_attention: true } : {};
      for (const head of ["classification", "masked-lm"] as const) {
        const bare = fromConfig({ model_type: type, ...changes }, { head });
        const whole = fromConfig({ ...defaults, ...changes }, { head });
        expect(bare.shapes).toEqual(whole.shapes);
        const { unusedKeys: _, ...config } = whole.config;
        expect(bare.config).toMatchObject(config);
      }
    });
  }

  it("fills in sizes of a DistilBERT under names of its own", () => {
    const { config } = fromConfig({ model_type: "distilbert" }, { head: "classification" });
    expect(config).toMatchObject({
      hiddenSize: 768,
      layers: 6,
      heads: 12,
      intermediateSize: 3072,
      vocabSize: 30522,
      maxLength: 512,
      classifierDropout: 0.2,
      labels: 2,
      problem: "classification",
    });
  });

  it("knows an old config without model_type by its class", () => {
    expect(make("bert", { model_type: undefined, architectures: ["BertModel"] }).config.architecture).toBe("bert");
    expect(make("deberta-v3", { model_type: undefined }).config.architecture).toBe("deberta-v2");
  });

  it("names keys that nothing knows", () => {
    expect(make("bert", { pooler_type: "first", directionality: "bidi", use_cache: true }).config.unusedKeys).toEqual([
      "directionality",
      "pooler_type",
    ]);
  });

  it("takes the number of classes from labels, id2label or num_labels, and 1 for a regression", () => {
    const id2label = { 0: "no", 1: "yes", 2: "maybe" };
    expect(make("bert", { id2label }).config).toMatchObject({ labels: 3, labelNames: ["no", "yes", "maybe"] });
    // transformers takes numbers for names.
    expect(make("bert", { id2label: { 0: 0, 1: 1.5 } }).config).toMatchObject({ labels: 2, labelNames: ["0", "1.5"] });
    expect(() => make("bert", { id2label: { 0: ["no"] } })).toThrow("id2label.0 is wrong");
    expect(make("minilm", { num_labels: 5 }).config).toMatchObject({ labels: 5, labelNames: [] });
    expect(make("bert", {}, { labels: 1 }).config).toMatchObject({ labels: 1, problem: "regression" });
    expect(make("distilbert").config).toMatchObject({ labels: 1, problem: "regression" });
    const changes = { problem_type: "single_label_classification" };
    expect(make("bert", changes, { labels: 1 }).config.problem).toBe("regression");
    expect(make("distilbert", changes).config.problem).toBe("classification");
  });

  it("has the names and shapes that transformers saves, whatever the head", () => {
    for (const name of CASES) {
      for (const head of ["classification", "masked-lm"] as const) {
        const { shapes } = make(name, {}, { head });
        const saved = Object.entries(checkpointOf(name, head)).map(([key, { shape }]) => `${key} ${shape}`);
        expect(shapes.map(([key, shape]) => `${key} ${shape}`).sort()).toEqual(saved.sort());
      }
    }
  });

  for (const [name, config, counts] of KNOWN) {
    it(`makes a ${name} of as many parameters as PyTorch's, with either head`, () => {
      const count = (head: HeadName) =>
        fromConfig(config, { head }).shapes.reduce((sum, [, shape]) => sum + sizeOf(shape), 0);
      expect([count("classification"), count("masked-lm")]).toEqual(counts);
    });
  }

  const RATES: readonly (readonly [name: string, rates: readonly string[]])[] = [
    ["bert", ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"]],
    ["roberta", ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"]],
    ["distilbert", ["dropout", "attention_dropout", "seq_classif_dropout"]],
    ["deberta-v3", ["hidden_dropout_prob", "attention_probs_dropout_prob", "pooler_dropout", "cls_dropout"]],
  ];
  for (const [name, rates] of RATES) {
    it(`drops out of a ${name} at each of its rates, and only with a key`, async () => {
      const params = checkpointOf(name, "classification");
      const logits = async (changes: Record<string, number>, isKeyed = true, dropout?: number) => {
        const model = make(name, changes, { dropout });
        return Array.from(
          await model.apply(params, caseBatch(name, 0), isKeyed ? random.key(5) : undefined).data(),
        );
      };
      const none = Object.fromEntries(rates.map((rate) => [rate, 0]));
      const all = Object.fromEntries(rates.map((rate) => [rate, 0.4]));
      const plain = await logits(none);
      expect(await logits(all, false)).toEqual(plain);
      expect(await logits(all, true, 0)).toEqual(plain);
      for (const rate of rates) expect(await logits({ ...none, [rate]: 0.4 })).not.toEqual(plain);
    });
  }

  it("computes the same with checkpointed layers, keys included", async () => {
    for (const name of ["roberta", "deberta-v3"]) {
      const logits = (checkpoint: boolean) =>
        make(name, {}, { checkpoint }).apply(checkpointOf(name, "classification"), caseBatch(name, 0), random.key(5));
      expect(Array.from(await logits(true).data())).toEqual(Array.from(await logits(false).data()));
    }
  });

  it("says which modules LoRA adapts, and has them in every layer", () => {
    expect(LORA_TARGETS).toEqual({
      bert: ["query", "value"],
      roberta: ["query", "value"],
      "xlm-roberta": ["query", "value"],
      camembert: ["query", "value"],
      electra: ["query", "value"],
      distilbert: ["q_lin", "v_lin"],
      "deberta-v2": ["query_proj", "value_proj"],
      gpt2: ["c_attn"],
      llama: ["q_proj", "v_proj"],
      qwen2: ["q_proj", "v_proj"],
      qwen3: ["q_proj", "v_proj"],
      bart: ["q_proj", "v_proj"],
    });
    for (const name of CASES) {
      const { loraTargets, config } = make(name);
      expect(selectTargets(checkpointOf(name, "classification"), loraTargets)).toHaveLength(2 * config.layers);
    }
  });

  const DECODER_FAULTS: readonly (readonly [name: string, changes: Record<string, unknown>, message: string])[] = [
    ["gpt2", { scale_attn_weights: false }, "scale_attn_weights false is not supported: there is only true"],
    ["gpt2", { scale_attn_by_inverse_layer_idx: true }, "scale_attn_by_inverse_layer_idx true is not supported"],
    ["gpt2", { add_cross_attention: true }, "add_cross_attention true is not supported"],
    ["gpt2", { activation_function: "mish" }, 'activation_function "mish" is not supported'],
    ["gpt2", { n_head: 3 }, "cannot make gpt2 of this config.json as 3 heads do not divide a hidden size of 20"],
    ["gpt2", { n_layer: null, n_layers: 2 }, 'as it has no n_layer, but "n_layers"'],
    ["llama", { num_key_value_heads: 3 }, "num_key_value_heads 3 does not divide num_attention_heads 4"],
    ["llama", { head_dim: 5 }, "heads of 5 elements have no pairs that positions could turn"],
    [
      "llama",
      { rope_parameters: { rope_type: "longrope" } },
      'llama of this config.json as rope_type "longrope" is not',
    ],
    ["llama", { rope_parameters: { rope_type: "linear" } }, 'rope_type "linear" needs factor'],
    ["llama", { rope_parameters: { partial_rotary_factor: 0.5 } }, "rope_parameters.partial_rotary_factor 0.5 is not"],
    ["llama", { rope_interleaved: true }, "rope_interleaved true is not supported: there is only false"],
    ["qwen2", { use_sliding_window: true }, "use_sliding_window true is not supported: there is only false"],
    ["qwen3", { layer_types: ["sliding_attention"] }, 'layer_types.0 "sliding_attention" is not supported'],
  ];
  for (const [name, changes, message] of DECODER_FAULTS) {
    it(`refuses a ${name} with ${JSON.stringify(changes)}`, () => {
      const { config } = describedDecoders.cases[name]["causal-lm"];
      expect(() => fromConfig({ ...config, ...changes }, { head: "causal-lm" })).toThrow(message);
    });
  }

  it("says which heads an architecture has", () => {
    expect(() => make("bert", {}, { head: "causal-lm" })).toThrow(
      "cannot give bert the head causal-lm: it has classification and masked-lm",
    );
    const { config } = describedDecoders.cases.gpt2["causal-lm"];
    expect(() => fromConfig(config, { head: "masked-lm" })).toThrow(
      "cannot give gpt2 the head masked-lm: it has classification and causal-lm",
    );
  });

  it("takes for absent keys of a decoder what transformers takes", () => {
    for (const [type, defaults] of Object.entries(describedDecoders.defaults)) {
      const { unusedKeys: _, ...bare } = fromConfig({ model_type: type }, { head: "causal-lm" }).config;
      const { unusedKeys, ...full } = fromConfig(defaults, { head: "causal-lm" }).config;
      expect({ ...full, labelNames: [] }).toEqual({ ...bare, labelNames: [] });
      expect(unusedKeys).toEqual([]);
    }
  });

  const KNOWN_DECODERS: readonly (readonly [name: string, config: Record<string, unknown>, count: number])[] = [
    ["gpt2", { model_type: "gpt2", n_ctx: 1024 }, 124439808],
    ["gpt2-medium", { model_type: "gpt2", n_embd: 1024, n_head: 16, n_layer: 24 }, 354823168],
    [
      "SmolLM2-135M",
      {
        model_type: "llama",
        hidden_size: 576,
        intermediate_size: 1536,
        is_llama_config: true,
        max_position_embeddings: 8192,
        num_attention_heads: 9,
        num_hidden_layers: 30,
        num_key_value_heads: 3,
        pretraining_tp: 1,
        rms_norm_eps: 1e-5,
        rope_interleaved: false,
        rope_scaling: null,
        rope_theta: 100000,
        tie_word_embeddings: true,
        vocab_size: 49152,
      },
      134515008,
    ],
    [
      "Llama-3.2-1B",
      {
        model_type: "llama",
        head_dim: 64,
        hidden_size: 2048,
        intermediate_size: 8192,
        num_attention_heads: 32,
        num_hidden_layers: 16,
        num_key_value_heads: 8,
        rope_scaling: {
          factor: 32,
          high_freq_factor: 4,
          low_freq_factor: 1,
          original_max_position_embeddings: 8192,
          rope_type: "llama3",
        },
        rope_theta: 500000,
        tie_word_embeddings: true,
        vocab_size: 128256,
      },
      1235814400,
    ],
    [
      "Qwen2.5-0.5B",
      {
        model_type: "qwen2",
        hidden_size: 896,
        intermediate_size: 4864,
        max_window_layers: 24,
        num_attention_heads: 14,
        num_hidden_layers: 24,
        num_key_value_heads: 2,
        rope_theta: 1000000,
        sliding_window: 32768,
        tie_word_embeddings: true,
        use_mrope: false,
        use_sliding_window: false,
        vocab_size: 151936,
      },
      494032768,
    ],
    [
      "Qwen3-0.6B",
      {
        model_type: "qwen3",
        head_dim: 128,
        hidden_size: 1024,
        intermediate_size: 3072,
        num_attention_heads: 16,
        num_hidden_layers: 28,
        num_key_value_heads: 8,
        rope_theta: 1000000,
        tie_word_embeddings: true,
        vocab_size: 151936,
      },
      596049920,
    ],
  ];
  for (const [name, config, count] of KNOWN_DECODERS) {
    it(`makes a ${name} of as many parameters as PyTorch's`, () => {
      const { shapes } = fromConfig(config, { head: "causal-lm" });
      expect(shapes.reduce((sum, [, shape]) => sum + sizeOf(shape), 0)).toBe(count);
    });
  }

  it("reads or refuses any damaged config", () => {
    const keys = [...new Set(CASES.flatMap((name) => Object.keys(configOf(name))))];
    const damage = fc.dictionary(fc.constantFrom(...keys), fc.jsonValue(), { maxKeys: 4 });
    fc.assert(fc.property(fc.constantFrom(...CASES), damage, (name, changes) => {
      try {
        expect(make(name, changes).shapes.length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }));
  });
});
