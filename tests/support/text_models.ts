import * as dd from "../../mod.ts";

/** Byte-level pieces with an end of text. */
const END = "<|endoftext|>";

/** Sentences that pieces are learned of. */
const TEXTS = ["name : Aromi | area : riverside", " Aromi is a cafe in the riverside area.", " It is cheap and good."];

const CONFIGS = {
  gpt2: { model_type: "gpt2", n_embd: 16, n_layer: 2, n_head: 2, n_positions: 96 },
  llama: {
    model_type: "llama",
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 96,
  },
  bart: {
    model_type: "bart",
    d_model: 16,
    encoder_layers: 1,
    decoder_layers: 1,
    encoder_attention_heads: 2,
    decoder_attention_heads: 2,
    encoder_ffn_dim: 24,
    decoder_ffn_dim: 24,
    max_position_embeddings: 96,
  },
} as const;

/** Names of the tiny models that write texts. */
export type TextModelName = keyof typeof CONFIGS;

/** Writes a tiny random model that writes texts as a folder in Hugging Face's layout, with byte-level pieces of its own. */
export async function writeTextModel(folder: string, name: TextModelName): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const json = dd.data.trainByteLevel(TEXTS, { vocabSize: 280 });
  const tokenizer = dd.data.tokenizerFromJson(json, { eos_token: END });
  const end = tokenizer.eosId!;
  const ids = { vocab_size: tokenizer.vocabSize, bos_token_id: end, eos_token_id: end, pad_token_id: end };
  const dropouts = { resid_pdrop: 0, embd_pdrop: 0, attn_pdrop: 0, dropout: 0 };
  const start = name === "bart" ? { decoder_start_token_id: end, is_encoder_decoder: true } : {};
  const config = { ...CONFIGS[name], ...ids, ...start, ...name === "llama" ? {} : dropouts };
  const model = name === "bart"
    ? dd.models.fromConfig(config, { head: "seq2seq-lm" })
    : dd.models.fromConfig(config, { head: "causal-lm" });
  const weights = await dd.evaluate(dd.models.checkpointOf(model.init(dd.random.key(7)), model));
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
  await Deno.writeTextFile(`${folder}/tokenizer.json`, JSON.stringify(json));
  const own = { tokenizer_class: "PreTrainedTokenizerFast", eos_token: END, pad_token: END };
  await Deno.writeTextFile(`${folder}/tokenizer_config.json`, JSON.stringify(own));
  await dd.io.saveSafetensors(`${folder}/model.safetensors`, weights, { format: "pt" });
}

/** Writes a small task in E2E's format: `trainset.csv`, `devset.csv` and `testset_w_refs.csv`. */
export async function writeMeanings(folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/e2e`, { recursive: true });
  const places = ["Aromi", "Zizzi", "Cotto", "Alimentum", "Strada", "Giraffe"];
  const rows = places.flatMap((name, i) =>
    ["riverside", "city centre"].flatMap((area) => [
      `"name[${name}], area[${area}]",${name} is in the ${area} area.`,
      `"name[${name}], area[${area}]",In the ${area} there is ${name}${i % 2 ? "" : " to eat"}.`,
    ])
  );
  const write = (file: string, some: readonly string[]) =>
    Deno.writeTextFile(`${folder}/e2e/${file}`, ["mr,ref", ...some, ""].join("\n"));
  await write("trainset.csv", rows.slice(0, 16));
  await write("devset.csv", rows.slice(16, 20));
  await write("testset_w_refs.csv", rows.slice(20));
}
