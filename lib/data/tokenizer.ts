import { type AddedToken, splitAtTokens, type Stretch } from "./added_tokens.ts";
import { layoutOf, type LayoutPart } from "./layout.ts";
import { longestFirst } from "./longest_first.ts";
import { normalizerOf, type Part } from "./normalizer.ts";
import { preTokenizerOf } from "./pre_tokenizer.ts";
import { tokenModelOf } from "./token_model.ts";
import { quoted } from "../io/quoted.ts";

/** Token ids of a text or a pair, special tokens included. */
export interface TokenIds {
  /** Token ids, such as those of `[CLS] text [SEP]`. */
  readonly ids: number[];
  /** The tokenizer's types of these tokens, as BERT's 0 for the first text and 1 for the second; as long as `ids`. */
  readonly typeIds: number[];
}

/** Options of {@linkcode Tokenizer.encode}. */
export interface EncodeOptions {
  /** Most tokens of the result, special tokens included; no bound by default. */
  readonly maxLength?: number;
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
  /**
   * Ids of a text or a pair between their special tokens: `[CLS] text [SEP] text2 [SEP]` for BERT, `<s> text </s></s>
   * text2 </s>` for RoBERTa. What is longer than `maxLength` loses tokens at the end of its longer text first, as
   * Hugging Face's `longest_first`.
   *
   * Throws a RangeError when `maxLength` leaves no room for the special tokens.
   */
  encode(text: string, text2?: string, options?: EncodeOptions): TokenIds;
}

/** The parts of a `tokenizer.json` that are read here. */
export interface TokenizerJson {
  /** The model with its pieces: WordPiece, BPE or Unigram. */
  readonly model: Readonly<Record<string, unknown>>;
  /** The other parts: `normalizer`, `pre_tokenizer`, `post_processor`, `added_tokens`. */
  readonly [key: string]: unknown;
}

/** Names of special tokens, as a `tokenizer_config.json` gives them: `pad_token`, `cls_token` and so on. */
export type TokenizerConfig = Readonly<Record<string, unknown>>;

/**
 * The tokenizer of a parsed `tokenizer.json`, and of the `tokenizer_config.json` beside it, where there is one.
 *
 * Throws a TypeError that says which part is missing, wrong or not supported.
 */
export function tokenizerFromJson(json: TokenizerJson, config: TokenizerConfig = {}): Tokenizer {
  try {
    return assemble(json, config);
  } catch (error) {
    throw new TypeError(`Cannot make a tokenizer as ${(error as Error).message}`, { cause: error });
  }
}

function assemble(json: TokenizerJson, config: TokenizerConfig): Tokenizer {
  const part = (name: string) => expectPart(name, json[name]);
  const model = tokenModelOf(json?.model as Part | undefined);
  const normalize = normalizerOf(part("normalizer"));
  const cut = preTokenizerOf(part("pre_tokenizer"));
  const layout = layoutOf(part("post_processor"));
  const added = addedTokensOf(json);
  const splitRaw = splitAtTokens(new Map(added.filter((t) => !t.normalized).map((t) => [t.content, t])));
  const splitNormalized = splitAtTokens(
    new Map(added.filter((t) => t.normalized).map((t) => [normalize(t.content), t])),
  );

  const pieces = (text: string): number[] => {
    const ids: number[] = [];
    const each = (stretches: Stretch[], first: boolean, encode: (text: string, first: boolean) => void) => {
      for (const [i, stretch] of stretches.entries()) {
        if (typeof stretch === "string") encode(stretch, first && i === 0);
        else ids.push(stretch.id);
      }
    };
    // Lone surrogates are no text: the reference cannot be given them.
    each(splitRaw(text.toWellFormed()), true, (raw, first) => {
      each(splitNormalized(normalize(raw)), first, (normal, first) => {
        for (const word of cut(normal, first)) for (const id of model.encode(word)) ids.push(id);
      });
    });
    return ids;
  };

  const encode = (text: string, text2?: string, { maxLength = Infinity }: EncodeOptions = {}): TokenIds => {
    const parts = text2 === undefined ? layout.single : layout.pair;
    const room = maxLength - parts.filter(({ kind }) => kind === "token").length;
    if (!(room >= 0)) throw new RangeError(`Cannot encode as the special tokens alone exceed maxLength ${maxLength}`);
    const texts = text2 === undefined ? [pieces(text)] : [pieces(text), pieces(text2)];
    const lengths = texts.length === 1 ? [room] : longestFirst(texts[0].length, texts[1].length, room);
    const idsOf = (p: LayoutPart) => p.kind === "token" ? [p.id] : texts[p.index].slice(0, lengths[p.index]);
    const laidOut = parts.map((p) => ({ ids: idsOf(p), typeId: p.typeId }));
    return {
      ids: laidOut.flatMap(({ ids }) => ids),
      typeIds: laidOut.flatMap(({ ids, typeId }) => new Array<number>(ids.length).fill(typeId)),
    };
  };

  const ids = new Map(model.vocab);
  for (const { content, id } of added) ids.set(content, id);
  let vocabSize = 0;
  for (const id of ids.values()) vocabSize = Math.max(vocabSize, id + 1);
  const find = (names: readonly (string | undefined)[]) =>
    names.map((name) => ids.get(name!)).find((id) => id !== undefined);
  const special = Object.fromEntries(
    SPECIAL_TOKENS.map(([key, name, ...usual]) => [key, find([nameOf(config[name]), ...usual])] as const)
      .filter(([, id]) => id !== undefined),
  );
  const unknownId = find([model.unknown]) ?? special.unknownId;
  const end = find([nameOf(config.eos_token), "</s>", "<|endoftext|>"]);
  return { vocabSize, padId: end ?? 0, ...special, ...unknownId !== undefined && { unknownId }, encode };
}

const SPECIAL_TOKENS = [
  ["padId", "pad_token", "[PAD]", "<pad>"],
  ["unknownId", "unk_token", "[UNK]", "<unk>"],
  ["clsId", "cls_token", "[CLS]", "<s>"],
  ["sepId", "sep_token", "[SEP]", "</s>"],
  ["maskId", "mask_token", "[MASK]", "<mask>"],
] as const;

/** A token's text, which stands there itself or as `content`. */
function nameOf(token: unknown): string | undefined {
  const name = typeof token === "object" ? (token as { content?: unknown } | null)?.content : token;
  return typeof name === "string" ? name : undefined;
}

/** A part, or nothing; lists of parts inside it are lists of parts. */
function expectPart(name: string, value: unknown): Part | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== "object" || Array.isArray(value)) throw new TypeError(`${name} is no object`);
  const part = value as Record<string, unknown>;
  const list = { normalizer: "normalizers", pre_tokenizer: "pretokenizers", post_processor: "processors" }[name]!;
  if (part.type === "Sequence") {
    if (!Array.isArray(part[list])) throw new TypeError(`${name} Sequence has no list at ${list}`);
    for (const inner of part[list]) if (expectPart(name, inner) === null) throw new TypeError(`${name} holds null`);
  }
  return part;
}

function addedTokensOf({ added_tokens: list = [] }: TokenizerJson): AddedToken[] {
  if (list === null) return [];
  if (!Array.isArray(list)) throw new TypeError("added_tokens is no list");
  return list.map((token, i) => {
    const { id, content } = (token ?? {}) as Partial<AddedToken>;
    if (!Number.isSafeInteger(id) || id! < 0 || id! > 2 ** 31 - 1 || typeof content !== "string") {
      throw new TypeError(`added_tokens[${i}] is no text with an id: ${quoted(token)}`);
    }
    return { ...token, normalized: token.normalized ?? !token.special };
  });
}
