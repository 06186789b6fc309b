import { io, type Tensor } from "../../../mod.ts";
import type { Tokenizer } from "../../../lib/data/mod.ts";
import { writeAtomically } from "../../../lib/io/mod.ts";
import { cacheFolder } from "../../../lib/device/mod.ts";
import { checkedHash } from "../recorded_hash.ts";
import { PIECES, SPECIAL_IDS, textTokenizer, tokenizerFiles } from "./tokenizer.ts";

/** Kinds of the suite's text models. */
export const TEXT_MODELS = ["decoder", "encoder-decoder"] as const;

/** Name of a kind. */
export type TextModelKind = typeof TEXT_MODELS[number];

/** Most tokens that either reads. */
export const TEXT_LENGTH = 128;

const [WIDTH, LAYERS, HEADS] = [64, 2, 4];
const { begin, pad, end, endOfText } = SPECIAL_IDS;

/** A text model of the suite as a `config.json` of Hugging Face's: nothing drops out. */
export const TEXT_MODEL_CONFIGS = {
  decoder: {
    model_type: "gpt2",
    architectures: ["GPT2LMHeadModel"],
    vocab_size: PIECES,
    n_positions: TEXT_LENGTH,
    n_embd: WIDTH,
    n_layer: LAYERS,
    n_head: HEADS,
    activation_function: "gelu_new",
    initializer_range: 0.05,
    embd_pdrop: 0,
    resid_pdrop: 0,
    attn_pdrop: 0,
    bos_token_id: endOfText,
    eos_token_id: endOfText,
    pad_token_id: pad,
    tie_word_embeddings: true,
  },
  "encoder-decoder": {
    model_type: "bart",
    architectures: ["BartForConditionalGeneration"],
    is_encoder_decoder: true,
    vocab_size: PIECES,
    max_position_embeddings: TEXT_LENGTH,
    d_model: WIDTH,
    encoder_layers: LAYERS,
    decoder_layers: LAYERS,
    encoder_attention_heads: HEADS,
    decoder_attention_heads: HEADS,
    encoder_ffn_dim: 4 * WIDTH,
    decoder_ffn_dim: 4 * WIDTH,
    activation_function: "gelu",
    init_std: 0.05,
    dropout: 0,
    attention_dropout: 0,
    activation_dropout: 0,
    classifier_dropout: 0,
    bos_token_id: begin,
    pad_token_id: pad,
    eos_token_id: end,
    decoder_start_token_id: end,
    forced_bos_token_id: begin,
    forced_eos_token_id: end,
    tie_word_embeddings: true,
  },
} as const;

/** Where the weights of each kind lie that ship. */
export const TEXT_MODEL_FILES: Readonly<Record<TextModelKind, URL>> = {
  decoder: new URL("./decoder.safetensors", import.meta.url),
  "encoder-decoder": new URL("./encoder_decoder.safetensors", import.meta.url),
};

/** Hex sha-256 of a model's weights. Throws an Error where they are missing, or not those that were recorded. */
async function hashOf(kind: TextModelKind): Promise<string> {
  const url = TEXT_MODEL_FILES[kind];
  return await checkedHash(url, (reason) => {
    throw new Error(
      `cannot use ${url}: ${reason}; deno task pretrain \`pretrain.model\` ${kind} \`pretrain.overwrite\` makes it anew`,
    );
  });
}

/** A text model of the suite, pre-trained on its prose. */
export interface SuiteLanguageModel {
  /** Its `config.json`. */
  readonly config: typeof TEXT_MODEL_CONFIGS[TextModelKind];
  /** Its `model_type`. */
  readonly architecture: "gpt2" | "bart";
  /** Its tensors, on the host, as the file has them: `models.paramsFrom` makes parameters of them. */
  readonly weights: Readonly<Record<string, Tensor>>;
  readonly tokenizer: Tokenizer;
  /** Hex sha-256 of the file of its weights. */
  readonly hash: string;
}

/**
 * A text model of the suite, from the files that ship.
 *
 * Throws an Error where its weights are missing, corrupt, or not those that the `.json` beside them was written with.
 */
export async function suiteLanguageModel(kind: TextModelKind): Promise<SuiteLanguageModel> {
  const config = TEXT_MODEL_CONFIGS[kind];
  const hash = await hashOf(kind);
  const { tensors } = await io.loadSafetensors(TEXT_MODEL_FILES[kind]);
  return { config, architecture: config.model_type, weights: tensors, tokenizer: await textTokenizer(kind), hash };
}

/** The folder of a text model in Hugging Face's layout, in the project's cache, which is made where it is not there. */
export async function suiteLanguageModelFolder(kind: TextModelKind): Promise<string> {
  const hash = await hashOf(kind);
  const folder = `${cacheFolder()}/suite-${kind}-${hash.slice(0, 12)}`;
  await writeSuiteLanguageModel(folder, kind);
  return folder;
}

/** Writes a text model of the suite as a folder in Hugging Face's layout. */
export async function writeSuiteLanguageModel(folder: string, kind: TextModelKind): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await writeAtomically(`${folder}/model.safetensors`, await Deno.readFile(TEXT_MODEL_FILES[kind]));
  for (const [name, bytes] of Object.entries(await tokenizerFiles(kind))) {
    await writeAtomically(`${folder}/${name}`, bytes);
  }
  await writeAtomically(`${folder}/config.json`, JSON.stringify(TEXT_MODEL_CONFIGS[kind]));
}
