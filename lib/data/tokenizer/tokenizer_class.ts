import type { GivenToken } from "./special_tokens.ts";
import {
  bertParts,
  type ClassInput,
  type ClassParts,
  debertaParts,
  debertaV2Parts,
  gpt2Parts,
  llamaParts,
  qwen2Parts,
  robertaParts,
  spacedUnigramParts,
} from "./tokenizer_class_parts.ts";
import { quoted } from "../../text/quoted.ts";

/** A class of transformers' tokenizers. */
export interface TokenizerClass {
  readonly name: string;
  /** The older files that it reads where there is no `tokenizer.json`. */
  readonly files: readonly ("vocab.txt" | "vocab.json" | "merges.txt" | "spm.model")[];
  /** Whether it gives types where `model_input_names` do not say so. */
  readonly hasTypes: boolean;
  readonly names: Readonly<Record<string, GivenToken | null>>;
  readonly extra?: readonly GivenToken[];
  /** Whether a mask that is only a text takes the white space before it. */
  readonly stripsBeforeMask?: boolean;
  /** Without it, `tokenizer.json` is taken as it stands. */
  readonly parts?: (input: ClassInput) => ClassParts;
}

const BERT_NAMES = { sep_token: "[SEP]", pad_token: "[PAD]", cls_token: "[CLS]", mask_token: "[MASK]" };
const ROBERTA_NAMES = { sep_token: "</s>", pad_token: "<pad>", cls_token: "<s>", mask_token: "<mask>" };
const DEBERTA_NAMES = { bos_token: "[CLS]", eos_token: "[SEP]", unk_token: "[UNK]", ...BERT_NAMES };

const bert: TokenizerClass = {
  name: "BertTokenizer",
  files: ["vocab.txt"],
  hasTypes: true,
  names: { unk_token: "[UNK]", ...BERT_NAMES },
  parts: bertParts,
};
const roberta: TokenizerClass = {
  name: "RobertaTokenizer",
  files: ["vocab.json", "merges.txt"],
  hasTypes: false,
  names: { bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>", ...ROBERTA_NAMES },
  parts: robertaParts,
};
/** What takes `tokenizer.json` as it stands. */
export const AS_IT_STANDS: TokenizerClass = { name: "PreTrainedTokenizerFast", files: [], hasTypes: false, names: {} };

const CLASSES: readonly TokenizerClass[] = [
  bert,
  { ...bert, name: "DistilBertTokenizer", hasTypes: false },
  roberta,
  {
    ...roberta,
    name: "GPT2Tokenizer",
    names: { bos_token: "<|endoftext|>", eos_token: "<|endoftext|>", unk_token: "<|endoftext|>" },
    parts: gpt2Parts,
  },
  {
    ...roberta,
    name: "Qwen2Tokenizer",
    names: { unk_token: "<|endoftext|>", eos_token: "<|endoftext|>", pad_token: "<|endoftext|>" },
    parts: qwen2Parts,
  },
  {
    ...roberta,
    name: "LlamaTokenizer",
    files: [],
    names: { bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>" },
    parts: llamaParts,
  },
  {
    ...roberta,
    name: "DebertaTokenizer",
    hasTypes: true,
    names: DEBERTA_NAMES,
    parts: debertaParts,
  },
  {
    name: "DebertaV2Tokenizer",
    files: ["spm.model"],
    hasTypes: true,
    names: DEBERTA_NAMES,
    parts: debertaV2Parts,
  },
  { ...roberta, name: "XLMRobertaTokenizer", files: [], parts: (input) => spacedUnigramParts(input, () => 3) },
  {
    ...roberta,
    name: "CamembertTokenizer",
    files: [],
    stripsBeforeMask: true,
    extra: ["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"],
    parts: (input) =>
      spacedUnigramParts(input, (pieces) => Math.max(0, pieces.findIndex(([p]) => p === input.names.get("unk_token")))),
  },
  AS_IT_STANDS,
];

/** Names that transformers has for classes under other names. */
const ALIASES: Readonly<Record<string, string>> = {
  ElectraTokenizer: "BertTokenizer",
  MobileBertTokenizer: "BertTokenizer",
  SqueezeBertTokenizer: "BertTokenizer",
  LayoutLMTokenizer: "BertTokenizer",
  ConvBertTokenizer: "BertTokenizer",
  BartTokenizer: "RobertaTokenizer",
  LongformerTokenizer: "RobertaTokenizer",
  LEDTokenizer: "RobertaTokenizer",
  PreTrainedTokenizer: "PreTrainedTokenizerFast",
  TokenizersBackend: "PreTrainedTokenizerFast",
  PythonBackend: "PreTrainedTokenizerFast",
};

/** Classes by `model_type`, for folders that name none. */
const OF_MODELS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    BertTokenizer:
      "bert distilbert electra mobilebert squeezebert layoutlm convbert ernie megatron-bert nezha nomic_bert",
    RobertaTokenizer: "roberta roberta-prelayernorm bart longformer led data2vec-text ibert lilt mega mra",
    XLMRobertaTokenizer: "xlm-roberta xmod gte",
    CamembertTokenizer: "camembert",
    GPT2Tokenizer: "gpt2 gpt_neo gptj opt phi codegen",
    Qwen2Tokenizer: "qwen2 qwen2_moe qwen3 qwen3_moe qwen3_next",
    DebertaTokenizer: "deberta",
    DebertaV2Tokenizer: "deberta-v2",
  }).flatMap(([name, models]) => models.split(" ").map((model) => [model, name] as const)),
);

/** Models that transformers has a class for which is not known here; of others it takes `tokenizer.json` as it stands. */
const OTHERS = new Set((
  "aimv2 albert audioflamingo3 aya_vision barthez bartpho bert-generation bert-japanese bertweet big_bird biogpt " +
  "blenderbot blenderbot-small byt5 canine clip clipseg clvp code_llama cohere cohere2 colqwen2 cosmos3_omni cpm " +
  "cpmant ctrl data2vec-audio dia diffusion_gemma dots3_note dpr esm esmc esmfold2 falcon_mamba flaubert florence2 " +
  "fnet fsmt fun_asr_nano funnel gemma gemma2 gemma3 gemma3_text gemma3n gemma3n_text gpt-sw3 gpt_neox " +
  "gpt_neox_japanese granite_speech5_ctc groupvit herbert hubert hunyuan_vl idefics idefics2 internvl lasr_ctc " +
  "lasr_encoder layoutlmv2 layoutlmv3 layoutxlm lighton_ocr luke lxmert m2m_100 mamba mamba2 marian markuplm mbart " +
  "mbart50 mgp-str mluke moss_transcribe_diarize mpnet mpt mt5 musicgen musicgen_melody mvp myt5 nemotron3_5_asr " +
  "nemotron_asr_streaming nllb nllb-moe nougat olmo olmoe omdet-turbo omniasr_ctc oneformer openai-gpt ovis2 owlv2 " +
  "owlvit parakeet_ctc parakeet_rnnt parakeet_tdt pegasus perceiver phobert plbart pp_formulanet prophetnet " +
  "qianfan_ocr qwen2_5_omni qwen2_5_vl qwen2_audio qwen2_vl qwen3_5 qwen3_5_moe " +
  "qwen3_5_moe_text qwen3_5_text qwen3_asr qwen3_omni_moe qwen3_vl qwen3_vl_moe qwen4_exp rag " +
  "recurrent_gemma reformer rembert roc_bert roformer rwkv sam3 sam3_video seamless_m4t seamless_m4t_v2 " +
  "shieldgemma2 siglip siglip2 speech_to_text speecht5 splinter switch_transformers t5 t5gemma tapas tipsv2 udop " +
  "unispeech unispeech-sat vibevoice videoprism vits wav2vec2 wav2vec2-bert wav2vec2-conformer wav2vec2_phoneme " +
  "whisper xclip xglm xlm xlnet xlstm yoso zaya"
).split(" "));

/** Models whose folders name a wrong class, so that transformers takes their `tokenizer.json` as it stands. */
const MISNAMED: ReadonlySet<unknown> = new Set(["modernbert", "modernbert-decoder", "xlm-roberta-xl", "nystromformer"]);

/**
 * The class of a folder's tokenizer, as `AutoTokenizer` of transformers 5 chooses it: the one that
 * `tokenizer_config.json` or `config.json` names as `tokenizer_class`, or the one of its `model_type`; nothing where
 * neither says anything. Throws a TypeError that names a class or a model which is not known here.
 */
export function tokenizerClassOf(
  config: Readonly<Record<string, unknown>>,
  modelConfig: Readonly<Record<string, unknown>> = {},
): TokenizerClass | undefined {
  const { model_type: model } = modelConfig;
  const given = config.tokenizer_class ?? modelConfig.tokenizer_class;
  if (MISNAMED.has(model)) return AS_IT_STANDS;
  // Folders of Qwen2's name other classes, too, which transformers does not take.
  if (model === "qwen2") return CLASSES.find(({ name }) => name === "Qwen2Tokenizer");
  if (given === undefined || given === null) {
    if (typeof model !== "string") return undefined;
    if (OTHERS.has(model)) throw new TypeError(`the tokenizer of model_type ${quoted(model)} is not supported`);
    return CLASSES.find((known) => known.name === OF_MODELS.get(model));
  }
  const name = String(given);
  const plain = name === AS_IT_STANDS.name ? name : name.replace(/Fast$/, "");
  const known = Object.hasOwn(ALIASES, plain) ? ALIASES[plain] : plain;
  const found = CLASSES.find((one) => one.name === known);
  if (found) return found;
  throw new TypeError(
    `tokenizer_class ${quoted(given)} is not supported: ${AS_IT_STANDS.name} takes a tokenizer.json as it stands`,
  );
}

/** The class of a folder that names none, by its older files. */
export function classOfFiles(file: "vocab.txt" | "vocab.json" | "spm.model", vocab: unknown): TokenizerClass {
  const isRoberta = typeof vocab === "object" && vocab !== null && Object.hasOwn(vocab, "<s>") &&
    Object.hasOwn(vocab, "</s>");
  const name = {
    "vocab.txt": "BertTokenizer",
    "vocab.json": isRoberta ? "RobertaTokenizer" : "GPT2Tokenizer",
    "spm.model": "DebertaV2Tokenizer",
  }[file];
  return CLASSES.find((known) => known.name === name)!;
}
