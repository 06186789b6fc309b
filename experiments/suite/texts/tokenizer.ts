import { type Tokenizer, tokenizerFromFiles, type TokenizerJson, trainByteLevel } from "../../../lib/data/mod.ts";
import { SUITE_SEED } from "../mod.ts";
import { Choices } from "../random.ts";
import { suiteProse } from "./prose.ts";

/** Special tokens, in the order of their ids: BART's, then GPT-2's. */
const SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>"];

/** Ids of special tokens. */
export const SPECIAL_IDS = { begin: 0, pad: 1, end: 2, mask: 4, endOfText: 5 } as const;

/** Pieces of the vocabulary: a multiple of 8, so that kernels read the table four at a time. */
export const PIECES = 1200;

/** Texts that the vocabulary is learned of. */
const LEARNED = 4000;

/** Where the vocabulary lies that the suite's text models were made with. */
const TOKENIZER = new URL("./tokenizer.json", import.meta.url);

/** Learns the byte-level vocabulary of the suite's text models from texts of their pre-training. */
export function learnTokenizer(): TokenizerJson {
  const prose = suiteProse(new Choices(SUITE_SEED).fork("vocabulary"));
  const texts = Array.from({ length: LEARNED }, () => prose.next().value);
  return trainByteLevel(texts, { vocabSize: PIECES, specialTokens: SPECIAL });
}

/** `tokenizer.json` as a text: what {@linkcode learnTokenizer} gives, as it ships. */
export const tokenizerText = (json: TokenizerJson): string => `${JSON.stringify(json, null, 2)}\n`;

/** `tokenizer_config.json` of a model that goes on from texts, and of one that reads a text and writes another. */
const CONFIGS = {
  decoder: {
    tokenizer_class: "GPT2Tokenizer",
    bos_token: "<|endoftext|>",
    eos_token: "<|endoftext|>",
    unk_token: "<|endoftext|>",
    pad_token: "<pad>",
  },
  "encoder-decoder": {
    tokenizer_class: "BartTokenizer",
    bos_token: "<s>",
    eos_token: "</s>",
    cls_token: "<s>",
    sep_token: "</s>",
    unk_token: "<unk>",
    pad_token: "<pad>",
    mask_token: "<mask>",
  },
} as const;

/** The files of a model's tokenizer, as Hugging Face's libraries write them, by name. */
export async function tokenizerFiles(kind: keyof typeof CONFIGS): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  const config = { ...CONFIGS[kind], add_prefix_space: false, model_max_length: 128 };
  return {
    "tokenizer.json": await Deno.readFile(TOKENIZER),
    "tokenizer_config.json": new TextEncoder().encode(JSON.stringify(config)),
  };
}

/** The tokenizer of a text model of the suite. */
export async function textTokenizer(kind: keyof typeof CONFIGS): Promise<Tokenizer> {
  return tokenizerFromFiles(await tokenizerFiles(kind));
}
