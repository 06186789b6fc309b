import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { fromConfig, LORA_TARGETS, paramsFrom } from "../../lib/models/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { selectTargets } from "../../lib/peft/mod.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import { bartCheckpoint, bartClassifier, BARTS, bartWriter, describedBarts } from "../support/bart.ts";
import { testDevice } from "../support/device.ts";

const WHOLE = describedBarts.cases.bart["seq2seq-lm"].config;
const make = (changes: Record<string, unknown> = {}) => fromConfig({ ...WHOLE, ...changes }, { head: "seq2seq-lm" });

const REFUSED: readonly (readonly [changes: Record<string, unknown>, message: string])[] = [
  [{ is_encoder_decoder: false }, "cannot make bart of this config.json as is_encoder_decoder false is not supported"],
  [{ tie_word_embeddings: false }, "tie_word_embeddings false is not supported: there is only true"],
  [{ encoder_layerdrop: 0.1 }, "encoder_layerdrop 0.1 is not supported: there is only 0"],
  [{ decoder_layerdrop: 0.1 }, "decoder_layerdrop 0.1 is not supported: there is only 0"],
  [{ activation_function: "mish" }, 'activation_function "mish" is not supported: did you mean'],
  [{ normalize_before: true }, "normalize_before true is not supported: there is only false"],
  [{ normalize_embedding: false }, "normalize_embedding false is not supported: there is only true"],
  [{ add_final_layer_norm: true }, "add_final_layer_norm true is not supported"],
  [{ static_position_embeddings: true }, "static_position_embeddings true is not supported"],
  [{ extra_pos_embeddings: 0 }, "extra_pos_embeddings 0 is not supported: there is only 2"],
  [{ dropout: 1 }, "dropout is wrong: a rate lies in [0, 1)"],
  [{ encoder_attention_heads: 5 }, "5 heads of the encoder do not divide a d_model of 12"],
  [{ decoder_attention_heads: 5 }, "5 heads of the decoder do not divide a d_model of 12"],
  [{ num_hidden_layers: 7 }, "num_hidden_layers 7 is another name of encoder_layers, which is 2"],
  [{ hidden_size: 7 }, "hidden_size 7 is another name of d_model, which is 12"],
  [{ decoder_start_token_id: 41 }, "decoder_start_token_id 41 is not among the 41 tokens of vocab_size"],
  [{ forced_eos_token_id: [2, 99] }, "forced_eos_token_id 99 is not among the 41 tokens of vocab_size"],
  [{ decoder_start_token_id: null }, "decoder_start_token_id is wrong"],
  [{ pad_token_id: -1 }, "pad_token_id is wrong"],
  [{ decoder_layers: null, decoder_layer: 2 }, 'as it has no decoder_layers, but "decoder_layer"'],
  [{ quantization_config: { bits: 4 } }, 'quantization_config {"bits":4} is not supported'],
];

/** bart-large as the hub has it, and PyTorch's number of parameters of it with a head. */
const LARGE = {
  model_type: "bart",
  _num_labels: 3,
  activation_dropout: 0.1,
  activation_function: "gelu",
  add_bias_logits: false,
  add_final_layer_norm: false,
  architectures: ["BartModel"],
  attention_dropout: 0.1,
  bos_token_id: 0,
  classif_dropout: 0.1,
  classifier_dropout: 0.0,
  d_model: 1024,
  decoder_attention_heads: 16,
  decoder_ffn_dim: 4096,
  decoder_layerdrop: 0.0,
  decoder_layers: 12,
  decoder_start_token_id: 2,
  dropout: 0.1,
  early_stopping: true,
  encoder_attention_heads: 16,
  encoder_ffn_dim: 4096,
  encoder_layerdrop: 0.0,
  encoder_layers: 12,
  eos_token_id: 2,
  forced_bos_token_id: 0,
  forced_eos_token_id: 2,
  gradient_checkpointing: false,
  init_std: 0.02,
  is_encoder_decoder: true,
  max_position_embeddings: 1024,
  no_repeat_ngram_size: 3,
  normalize_before: false,
  num_beams: 4,
  num_hidden_layers: 12,
  pad_token_id: 1,
  scale_embedding: false,
  use_cache: true,
  vocab_size: 50265,
};

describe("fromConfig() of a BART", () => {
  for (const [changes, message] of REFUSED) {
    it(`refuses ${JSON.stringify(changes)}, and says why`, () => {
      expect(() => make(changes)).toThrow(message);
    });
  }

  it("refuses heads that it has not, and one that others have not", () => {
    expect(() => fromConfig(WHOLE, { head: "masked-lm" })).toThrow(
      "cannot give bart the head masked-lm: it has classification and seq2seq-lm",
    );
    expect(() => fromConfig({ model_type: "bert" }, { head: "seq2seq-lm" })).toThrow(
      "cannot give bert the head seq2seq-lm: it has classification and masked-lm",
    );
  });

  it("refuses several ends of a text where the head looks for one", () => {
    const changed = { ...WHOLE, eos_token_id: [2, 5] };
    expect(() => fromConfig(changed, { head: "classification" })).toThrow(
      "eos_token_id [2,5] is not supported with a classification head: there is only one",
    );
    expect(make({ eos_token_id: [2, 5] }).config.tokens.endIds).toEqual([2, 5]);
  });

  it("fills in what a config leaves out, as Hugging Face does", () => {
    const [bare, whole] = [{ model_type: "bart" }, describedBarts.defaults].map((json) =>
      fromConfig(json, { head: "seq2seq-lm" })
    );
    expect(bare.shapes).toEqual(whole.shapes);
    const { unusedKeys: _, ...config } = whole.config;
    expect(bare.config).toMatchObject(config);
    expect(bare.config.labels).toBe(3);
    expect(bare.config.tokens).toEqual({ padId: 1, firstId: 0, endIds: [2], decoderStartId: 2, forcedEndIds: [2] });
  });

  it("says which tokens are forced, by the names of old files too", () => {
    expect(make({ forced_bos_token_id: 0 }).config.tokens).toEqual({
      padId: 1,
      firstId: 0,
      endIds: [2],
      decoderStartId: 2,
      forcedFirstId: 0,
      forcedEndIds: [2],
    });
    const old = { forced_bos_token_id: null, force_bos_token_to_be_generated: true, bos_token_id: 5 };
    expect(make(old).config.tokens).toMatchObject({ firstId: 5, forcedFirstId: 5 });
    expect(make({ forced_bos_token_id: null }).config.tokens.forcedFirstId).toBeUndefined();
    expect(make({ forced_eos_token_id: null }).config.tokens.forcedEndIds).toEqual([]);
    expect(make({ forced_eos_token_id: [2, 3] }).config.tokens.forcedEndIds).toEqual([2, 3]);
  });

  it("knows all keys of transformers' own configs, and of bart-large's", () => {
    for (const name of BARTS) {
      expect(bartWriter(name).config.unusedKeys).toEqual([]);
      expect(bartClassifier(name).config.unusedKeys).toEqual([]);
    }
    expect(fromConfig(LARGE, { head: "seq2seq-lm" }).config.unusedKeys).toEqual([]);
  });

  it("makes a bart-large of as many parameters as PyTorch's, with either head", () => {
    const count = (shapes: readonly (readonly [string, readonly number[]])[]) =>
      shapes.reduce((sum, [, shape]) => sum + sizeOf(shape), 0);
    // PyTorch does not count its buffer.
    expect(count(fromConfig(LARGE, { head: "seq2seq-lm" }).shapes) - 50265).toBe(406291456);
    expect(count(fromConfig(LARGE, { head: "classification" }).shapes)).toBe(407344131);
  });

  it("has the names and shapes that transformers saves, whatever the head", () => {
    for (const name of BARTS) {
      for (
        const { model, head } of [
          { model: bartWriter(name), head: "seq2seq-lm" as const },
          { model: bartClassifier(name), head: "classification" as const },
        ]
      ) {
        const saved = Object.entries(bartCheckpoint(name, head)).map(([key, { shape }]) => `${key} ${shape}`);
        expect(model.shapes.map(([key, shape]) => `${key} ${shape}`).sort()).toEqual(saved.sort());
      }
    }
  });

  it("says which modules LoRA adapts, and takes no table of embeddings for a layer", () => {
    expect(LORA_TARGETS.bart).toEqual(["q_proj", "v_proj"]);
    const params = bartCheckpoint("bart", "seq2seq-lm");
    // Two layers of the encoder, and one of the decoder with attention to both.
    expect(selectTargets(params, LORA_TARGETS.bart)).toHaveLength(2 * (2 + 2));
    expect(selectTargets(params, /./).filter((path) => /shared|embed/.test(path))).toEqual([]);
  });
});

describe("paramsFrom() of a BART", () => {
  beforeAll(async () => void await testDevice());
  const options = { key: random.key(0) };

  it("takes the embeddings of words from another of their names, and leaves other heads aside", () => {
    const { "model.shared.weight": shared, ...rest } = bartCheckpoint("bart", "seq2seq-lm");
    const files = { ...rest, "lm_head.weight": shared, "model.decoder.embed_tokens.weight": shared };
    const { params, report } = paramsFrom(files, bartWriter("bart"), options);
    expect(params["model.shared.weight"]).toBe(shared);
    expect(report).toEqual({
      fresh: [],
      ignored: ["model.decoder.embed_tokens.weight"],
      renamed: { "model.shared.weight": "lm_head.weight" },
    });
    const classifier = paramsFrom({ ...files, "model.shared.weight": shared }, bartClassifier("bart"), options).report;
    expect(classifier.ignored).toEqual(["final_logits_bias", "lm_head.weight", "model.decoder.embed_tokens.weight"]);
    expect(classifier.fresh).toHaveLength(4);
  });

  it("takes names without the prefix, as files of the bare model have them, and a missing bias for zero", async () => {
    const { final_logits_bias: _, ...saved } = bartCheckpoint("bart", "seq2seq-lm");
    const bare = Object.fromEntries(Object.entries(saved).map(([name, x]) => [name.replace("model.", ""), x]));
    const { params, report } = paramsFrom(bare, bartWriter("bart"), options);
    expect(report.fresh).toEqual(["final_logits_bias"]);
    expect(new Set(await params.final_logits_bias.data())).toEqual(new Set([0]));
    expect(params["model.shared.weight"]).toBe(bare["shared.weight"]);
  });
});
