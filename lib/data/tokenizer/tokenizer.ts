import { type AddedToken, AddedVocabulary } from "./added_tokens.ts";
import { flagsOf } from "./added_token_flags.ts";
import { chatTemplateOf } from "./chat_template_of.ts";
import { type DecodeOptions, idDecoder } from "./decode_ids.ts";
import { layoutOf } from "./layout.ts";
import { longestFirst } from "./longest_first.ts";
import { normalizerOf } from "./normalizer.ts";
import type { Part } from "./part.ts";
import { preTokenizerOf } from "./pre_tokenizer.ts";
import { type TokenModel, tokenModelOf } from "./token_model.ts";
import { quoted } from "../../text/quoted.ts";
import { messageOf } from "../../text/message_of.ts";
import { isCount } from "../../text/is_count.ts";
import { isObject } from "../../text/is_object.ts";

/** Token ids of a text or a pair, special tokens included. */
export interface TokenIds {
  /** Token ids, such as those of `[CLS] text [SEP]`. */
  readonly ids: number[];
  /**
   * The tokenizer's types of these tokens, BERT's 0 for the first text and 1 for the second, say; as long as `ids`. All
   * are 0 where the model is not to be given any: where `model_input_names` lack `token_type_ids`.
   */
  readonly typeIds: number[];
}

/** Options of {@linkcode Tokenizer.encode}. */
export interface EncodeOptions {
  /** Most tokens of the result, special tokens included; no bound by default. */
  readonly maxLength?: number;
  /**
   * Whether special tokens are put around the text, as models want it; true by default. Those within the text itself
   * are found in any case.
   */
  readonly addSpecial?: boolean;
}

/** Turns text into the ids of a vocabulary, laid out as its model wants them. */
export interface Tokenizer {
  /** One more than the greatest id. */
  readonly vocabSize: number;
  /** Id of [PAD] or what takes its place; the end's, or 0, where the vocabulary has none. */
  readonly padId: number;
  /** Id of [UNK] or what takes its place. */
  readonly unknownId?: number;
  /** Id of [CLS] or what takes its place. */
  readonly clsId?: number;
  /** Id of [SEP] or what takes its place. */
  readonly sepId?: number;
  /** Id of [MASK] or what takes its place. */
  readonly maskId?: number;
  /** Id of the token that texts begin with, where the files name one as `bos_token`. */
  readonly bosId?: number;
  /** Id of the token that texts end with, where the files name one as `eos_token`. */
  readonly eosId?: number;
  /** Texts of special tokens by their names, `bos_token` and so on, as far as the files have them. */
  readonly specialTokens: ReadonlyMap<string, string>;
  /** The template in Jinja's language that makes one text of a chat's messages, where the files have one. */
  readonly chatTemplate?: string;
  /** Most tokens that the model is meant for, where the files say it: `model_max_length`. */
  readonly modelMaxLength?: number;
  /**
   * Ids of a text or a pair between their special tokens: `[CLS] text [SEP] text2 [SEP]` for BERT, `<s> text </s></s>
   * text2 </s>` for RoBERTa. What is longer than `maxLength` loses tokens of its longer text first, like Hugging Face's
   * `longest_first`: at the text's end, or at its beginning where `truncation_side` is left.
   *
   * Throws a RangeError where `maxLength` leaves no room for the special tokens.
   */
  encode(text: string, text2?: string, options?: EncodeOptions): TokenIds;
  /**
   * The text of ids, by the decoder of `tokenizer.json` or of the tokenizer's class, as transformers' `decode` gives it.
   * Special tokens are left out, and so are ids that no token has. Bytes that are no UTF-8 become U+FFFD.
   *
   * Throws a TypeError where the decoder is not supported.
   */
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
}

/** The parts of a `tokenizer.json` that are read here. */
export interface TokenizerJson {
  /** The model with its pieces: WordPiece, BPE or Unigram. */
  readonly model: Readonly<Record<string, unknown>>;
  /** The other parts: `normalizer`, `pre_tokenizer`, `post_processor`, `added_tokens`. */
  readonly [key: string]: unknown;
}

/** A `tokenizer.json` of which nothing is known yet but that it is an object. */
export type RawTokenizerJson = Readonly<Record<string, unknown>>;

/** Settings of a `tokenizer_config.json`: names of special tokens (`pad_token`, `cls_token` …), `truncation_side` and so on. */
export type TokenizerConfig = Readonly<Record<string, unknown>>;

/** What a folder's other files say beside a `tokenizer.json`. */
export interface TokenizerSettings {
  /** Texts of special tokens by their names: `pad_token`, `cls_token` and so on. */
  readonly names: ReadonlyMap<string, string>;
  /** Tokens that are added to those of the `tokenizer.json`. */
  readonly added: readonly AddedToken[];
  /** What stands around texts, given where each token's id is; without it, the post-processor's. */
  readonly postProcessor?: (idOf: (name: string) => number | undefined) => Part | null;
  readonly truncatesLeft: boolean;
  /** Whether tokens have types, or all are of type 0. */
  readonly hasTypes: boolean;
  /** Whether special tokens in a text are text as any other. */
  readonly cutsSpecial: boolean;
  /** Whether decoded text loses white space before punctuation. */
  readonly cleansUp: boolean;
  readonly chatTemplate?: string;
  readonly modelMaxLength?: number;
}

/**
 * The tokenizer of a parsed `tokenizer.json`, and of the `tokenizer_config.json` beside it, where there is one: of
 * that, names of special tokens, `truncation_side`, `model_input_names` and `model_max_length` are read. {@linkcode
 * tokenizerFromFiles} takes account of all that a folder has.
 *
 * Throws a TypeError that says which part is missing, wrong or not supported.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const json = data.wordPieceJson(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cat"]);
 * const tokenizer = data.tokenizerFromJson(json, { truncation_side: "left" });
 * console.log(tokenizer.vocabSize, tokenizer.encode("cat dog").ids); // 6 [2, 5, 1, 3]
 * ```
 */
export function tokenizerFromJson(json: TokenizerJson, config: TokenizerConfig = {}): Tokenizer {
  return making(() => {
    const names = new Map<string, string>();
    for (const [key, value] of Object.entries(config)) {
      const name = isObject(value) ? value.content : value;
      if (key.endsWith("_token") && typeof name === "string") names.set(key, name);
    }
    const chatTemplate = chatTemplateOf(config);
    return assembleTokenizer(json, { names, added: [], ...chatTemplate, ...sidesOf(config, json, true) });
  });
}

/** Throws a TypeError that says so where a tokenizer cannot be made. */
function making<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new TypeError(`Cannot make a tokenizer as ${messageOf(error)}`, { cause: error });
  }
}

/** What a `tokenizer_config.json` says of lengths, sides and types; `usuallyHasTypes` where it does not say it. */
export function sidesOf(
  config: TokenizerConfig,
  json: RawTokenizerJson,
  usuallyHasTypes: boolean,
): Pick<TokenizerSettings, "truncatesLeft" | "hasTypes" | "cutsSpecial" | "cleansUp" | "modelMaxLength"> {
  const { model_input_names: inputs, model_max_length: most } = config;
  // The side of a truncation that tokenizer.json has counts where the configuration has none.
  const direction = isObject(json?.truncation) ? json.truncation.direction : undefined;
  const inJson = typeof direction === "string" ? direction.toLowerCase() : direction ?? undefined;
  const side = config.truncation_side ?? inJson ?? "right";
  if (side !== "left" && side !== "right") {
    throw new TypeError(
      `tokenizer_config.json: truncation_side is neither left nor right: ${quoted(config.truncation_side)}`,
    );
  }
  if (inputs !== undefined && inputs !== null && !Array.isArray(inputs)) {
    throw new TypeError(`tokenizer_config.json: model_input_names is no list: ${quoted(inputs)}`);
  }
  return {
    truncatesLeft: side === "left",
    hasTypes: inputs?.includes("token_type_ids") ?? usuallyHasTypes,
    cutsSpecial: config.split_special_tokens === true,
    cleansUp: config.clean_up_tokenization_spaces === true,
    // Without a bound, Hugging Face's libraries write 1e30.
    ...typeof most === "number" && Number.isInteger(most) && most > 0 && most < 2 ** 31 && { modelMaxLength: most },
  };
}

/** Puts together the tokenizer of a `tokenizer.json` and of what other files say. */
export function assembleTokenizer(json: RawTokenizerJson, settings: TokenizerSettings): Tokenizer {
  const part = (name: string) => expectPart(name, json[name]);
  const model = tokenModelOf(json?.model);
  const { normalize, losesBeginning } = normalizerOf(part("normalizer"));
  const cut = preTokenizerOf(part("pre_tokenizer"));
  const added = new AddedVocabulary(model);
  added.add(addedTokensOf(json));
  added.add(settings.added);
  const layout = layoutOf(settings.postProcessor?.((name) => added.idOf(name)) ?? part("post_processor"));
  const { truncatesLeft, hasTypes, cutsSpecial, cleansUp, modelMaxLength, names, chatTemplate } = settings;
  const splitRaw = added.rawSplitter(cutsSpecial);
  const splitNormalized = added.normalizedSplitter(normalize, cutsSpecial);

  const piecesOf = (text: string): number[] => {
    const ids: number[] = [];
    // Lone surrogates are no text: the reference cannot be given them.
    for (const [i, raw] of splitRaw(text.toWellFormed()).entries()) {
      if (typeof raw === "number") {
        ids.push(raw);
        continue;
      }
      const isFirst = i === 0 && !losesBeginning?.(raw);
      for (const [j, normal] of splitNormalized(normalize(raw)).entries()) {
        if (typeof normal === "number") ids.push(normal);
        else {for (const word of cut(normal, isFirst && j === 0).words) {
            for (const id of model.encode(word)) ids.push(id);
          }}
      }
    }
    return ids;
  };

  const encode = (text: string, text2?: string, options: EncodeOptions = {}): TokenIds => {
    const { maxLength = Infinity, addSpecial = true } = options;
    const around = text2 === undefined ? layout.single : layout.pair;
    const parts = addSpecial ? around : around.filter(({ kind }) => kind === "text");
    const room = maxLength - parts.filter(({ kind }) => kind === "token").length;
    if (!(room >= 0)) throw new RangeError(`Cannot encode as the special tokens alone exceed maxLength ${maxLength}`);
    const texts = (text2 === undefined ? [text] : [text, text2]).map(piecesOf);
    const lengths = texts.length === 1 ? [room] : longestFirst(texts[0].length, texts[1].length, room);
    const kept = texts.map((ids, i) =>
      truncatesLeft ? ids.slice(Math.max(0, ids.length - lengths[i])) : ids.slice(0, lengths[i])
    );
    const ids: number[] = [];
    const typeIds: number[] = [];
    const add = (id: number, typeId: number) => {
      ids.push(id);
      typeIds.push(hasTypes ? typeId : 0);
    };
    for (const p of parts) {
      if (p.kind === "token") add(p.id, p.typeId);
      else for (const id of kept[p.index]) add(id, p.typeId);
    }
    return { ids, typeIds };
  };

  let vocabSize = 0;
  for (const ids of [model.vocab.values(), added.ids]) for (const id of ids) vocabSize = Math.max(vocabSize, id + 1);
  return {
    vocabSize,
    ...specialIdsOf(names, added, model),
    specialTokens: names,
    ...chatTemplate !== undefined && { chatTemplate },
    ...modelMaxLength !== undefined && { modelMaxLength },
    encode,
    decode: idDecoder({ model, added, normalize, decoder: part("decoder"), cleansUp: cleansUp && !isBytePair(json) }),
  };
}

function specialIdsOf(
  names: ReadonlyMap<string, string>,
  added: AddedVocabulary,
  model: TokenModel,
): Pick<Tokenizer, "padId" | "unknownId" | "clsId" | "sepId" | "maskId" | "bosId" | "eosId"> {
  const find = (contents: readonly (string | undefined)[]) =>
    contents.map((content) => content === undefined ? undefined : added.idOf(content)).find((id) => id !== undefined);
  const special = Object.fromEntries(
    SPECIAL_TOKENS.map(([key, name, ...usual]) => [key, find([names.get(name), ...usual])] as const)
      .filter(([, id]) => id !== undefined),
  );
  const unknownId = find([model.unknown]) ?? special.unknownId;
  const end = find([names.get("eos_token"), "</s>", "<|endoftext|>"]);
  return { padId: end ?? 0, ...special, ...unknownId !== undefined && { unknownId } };
}

const SPECIAL_TOKENS = [
  ["padId", "pad_token", "[PAD]", "<pad>"],
  ["unknownId", "unk_token", "[UNK]", "<unk>"],
  ["clsId", "cls_token", "[CLS]", "<s>"],
  ["sepId", "sep_token", "[SEP]", "</s>"],
  ["maskId", "mask_token", "[MASK]", "<mask>"],
  ["bosId", "bos_token"],
  ["eosId", "eos_token"],
] as const;

/** Whether the pieces are those of byte-pair encoding. */
function isBytePair({ model }: RawTokenizerJson): boolean {
  return isObject(model) && (model.type ?? (model.merges === undefined ? undefined : "BPE")) === "BPE";
}

/** A part, or nothing. */
function expectPart(name: string, value: unknown): Part | null {
  if (value === undefined || value === null) return null;
  if (!isObject(value)) throw new TypeError(`${name} is no object`);
  return value;
}

/** The added tokens of a `tokenizer.json`, in its order, which is what their ids follow. */
function addedTokensOf({ added_tokens: list = [] }: RawTokenizerJson): AddedToken[] {
  if (list === null) return [];
  if (!Array.isArray(list)) throw new TypeError("added_tokens is no list");
  return list.map((token, i) => {
    const { id, content, ...flags } = isObject(token) ? token : {};
    if (!isCount(id) || typeof content !== "string") {
      throw new TypeError(`added_tokens[${i}] is no text with an id: ${quoted(token)}`);
    }
    return { content, ...flagsOf(`added_tokens[${i}]`, flags) };
  });
}
