import type { AddedToken } from "./added_tokens.ts";
import { flagsOf } from "./added_token_flags.ts";
import { quoted } from "../../text/quoted.ts";
import { isCount } from "../../text/is_count.ts";
import { isObject } from "../../text/is_object.ts";

/** A token as a file gives it: as its text, or as settings of which some may be missing. */
export type GivenToken = string | (Partial<AddedToken> & { readonly content: string });

/** The contents of the files, beside a vocabulary, that name tokens; by transformers' names of them. */
export interface TokenFiles {
  /** `tokenizer_config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** `special_tokens_map.json`, where there is one. */
  readonly specialTokensMap?: Readonly<Record<string, unknown>>;
  /** `added_tokens.json`, where there is one. */
  readonly addedTokens?: Readonly<Record<string, unknown>>;
  /** `added_tokens` of `tokenizer.json`, where there is one. */
  readonly jsonTokens?: readonly unknown[];
}

/** What a class of tokenizers says of special tokens, which counts where the files say nothing. */
export interface ClassTokens {
  readonly names: Readonly<Record<string, GivenToken | null>>;
  readonly extra?: readonly GivenToken[];
  /** Whether a mask that is only a text takes the white space before it. */
  readonly stripsBeforeMask?: boolean;
  /** Whether the tokens of `tokenizer.json` are there already. */
  readonly keepsJson: boolean;
}

/** Special tokens by their names, and all tokens that are added, in the order in which they get their ids. */
export interface SpecialTokens {
  readonly names: ReadonlyMap<string, string>;
  readonly added: readonly AddedToken[];
}

/** Names of special tokens that every tokenizer may have, in the order in which they are added. */
const NAMES = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"] as const;

/**
 * The tokens that a folder's files add, by the rules of transformers 5 (`_from_pretrained` and `TokenizersBackend`):
 *
 * 1. With `added_tokens_decoder` in `tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json` and the
 *    `added_tokens` of `tokenizer.json` are not asked.
 * 2. Without it, what `special_tokens_map.json` has replaces what `tokenizer_config.json` has; tokens of
 *    `added_tokens.json` are special where they are named so, and those of `tokenizer.json` replace them by their ids.
 * 3. A named token takes the settings under its text in those.
 * 4. Added are: these by their ids, then the named ones that are not among them, then the extra ones.
 *
 * Throws a TypeError that names the file and the key which is wrong.
 */
export function specialTokensOf(files: TokenFiles, kind: ClassTokens): SpecialTokens {
  const given: Record<string, unknown> = { ...files.config };
  if ("additional_special_tokens" in given && isEmpty(given.extra_special_tokens)) {
    given.extra_special_tokens = given.additional_special_tokens;
    delete given.additional_special_tokens;
  }
  const specific = takeSpecific(given, files.config.model_specific_special_tokens);
  const [decoder, where] = decoderOf(files, given, specific);
  const settingsByText = new Map(Array.from(decoder.values(), (token) => [textOf(token), token]));

  // Named tokens, those of the class first, then such as only this folder has.
  const named = new Map<string, GivenToken>();
  for (const key of NAMES) {
    const value = key in given ? given[key] : kind.names[key] ?? null;
    if (value === null) continue;
    const token = tokenOf(value, `${where(key)}: ${key}`);
    const found = key in given ? settingsByText.get(textOf(token)) ?? token : token;
    const isPlainMask = key === "mask_token" && kind.stripsBeforeMask && typeof found === "string";
    named.set(key, isPlainMask ? { content: found, lstrip: true, special: true } : found);
  }
  const extra = extraOf(given, specific, kind);
  // Names of special_tokens_map.json come first, as they are seen last.
  const seen = Object.entries(given).filter(([key, value]) => !isName(key) && key.endsWith("_token") && isToken(value));
  for (const [key, value] of new Map([...seen, ...specific])) {
    named.set(key, tokenOf(value, `${where(key)}: ${key}`));
  }

  const json = kind.keepsJson ? files.jsonTokens ?? [] : [];
  const known = new Set(json.map((token) => isObject(token) ? token.content : undefined));
  const added = [...decoder].sort(([a], [b]) => a - b).map(([, token]) => token);
  for (const token of added) known.add(textOf(token));
  for (const token of [...named.values(), ...extra]) {
    // A text under two names is added once, though not one that has settings under another name.
    if (!known.has(textOf(token)) && !(typeof token === "string" && added.includes(token))) added.push(token);
  }
  const namedTexts = new Set(Array.from(named.values(), textOf));
  return {
    names: new Map(Array.from(named, ([key, token]) => [key, textOf(token)])),
    added: added.map((token) => resolved(token, namedTexts)),
  };
}

const isName = (key: string): boolean => NAMES.some((name) => name === key);
const textOf = (token: GivenToken): string => typeof token === "string" ? token : token.content;

/** Whether a value is what Python takes for false. */
function isEmpty(value: unknown): boolean {
  return !value || typeof value === "object" && Object.keys(value).length === 0;
}

/** Whether a value of a configuration is a token: a text, or settings that say so of themselves. */
function isToken(value: unknown): boolean {
  return typeof value === "string" || isObject(value) && value.__type === "AddedToken";
}

function tokenOf(value: unknown, where: string): GivenToken {
  if (typeof value === "string") return value;
  if (
    isObject(value) && (value.__type === "AddedToken" || value.__type === undefined) &&
    typeof value.content === "string"
  ) {
    const { content, __type, ...flags } = value;
    flagsOf(where, flags);
    return { ...flags, content };
  }
  throw new TypeError(`${where} is no token: ${quoted(value)}`);
}

/** A token as it is added: texts are special, and so is what is named. */
function resolved(token: GivenToken, namedTexts: ReadonlySet<string>): AddedToken {
  if (typeof token === "string") return { content: token, ...flagsOf(token, { special: true }) };
  const { content, ...flags } = token;
  return { content, ...flagsOf(content, { ...flags, special: flags.special || namedTexts.has(content) }) };
}

/** Takes the tokens with names of their own out of a configuration: `image_token`, or a record of extra tokens. */
function takeSpecific(given: Record<string, unknown>, explicit: unknown): Map<string, unknown> {
  const specific = new Map<string, unknown>();
  for (const [key, value] of Object.entries(given)) {
    if (isName(key) || !key.endsWith("_token") || typeof value !== "string") continue;
    specific.set(key, value);
    delete given[key];
  }
  if (isObject(given.extra_special_tokens)) {
    for (const [key, value] of Object.entries(given.extra_special_tokens)) specific.set(key, value);
    delete given.extra_special_tokens;
  }
  if (specific.size === 0 && isObject(explicit)) {
    for (const [key, value] of Object.entries(explicit)) specific.set(key, value);
  }
  return specific;
}

/** Extra tokens without names. */
function extraOf(given: Record<string, unknown>, specific: Map<string, unknown>, kind: ClassTokens): GivenToken[] {
  const list = given.extra_special_tokens !== undefined
    ? given.extra_special_tokens
    : given.additional_special_tokens ?? kind.extra ?? [];
  if (list === null) return [];
  if (isObject(list)) {
    for (const [key, value] of Object.entries(list)) specific.set(key, value);
    return [];
  }
  if (!Array.isArray(list)) {
    throw new TypeError(`tokenizer_config.json: extra_special_tokens is no list: ${quoted(list)}`);
  }
  return list.map((value, i) => tokenOf(value, `tokenizer_config.json: extra_special_tokens[${i}]`));
}

/** Tokens by the ids that the files give them, and where a name in `given` comes from. */
function decoderOf(
  files: TokenFiles,
  given: Record<string, unknown>,
  specific: Map<string, unknown>,
): [decoder: Map<number, GivenToken>, where: (key: string) => string] {
  const { config, specialTokensMap = {}, addedTokens = {}, jsonTokens = [] } = files;
  const decoder = new Map<number, GivenToken>();
  if ("added_tokens_decoder" in config) {
    const entries = config.added_tokens_decoder;
    if (!isObject(entries)) {
      throw new TypeError(`tokenizer_config.json: added_tokens_decoder is no object: ${quoted(entries)}`);
    }
    for (const [id, token] of Object.entries(entries)) {
      const where = `tokenizer_config.json: added_tokens_decoder[${id}]`;
      if (!isObject(token)) throw new TypeError(`${where} is no token: ${quoted(token)}`);
      decoder.set(idOf(id, where), tokenOf(token, where));
    }
    return [decoder, () => "tokenizer_config.json"];
  }
  const ofMap = new Map<unknown, unknown>(); // the tokens of special_tokens_map.json with their texts
  const asToken = (value: unknown): unknown => {
    if (!isObject(value)) return value;
    const token = { ...value, special: true, __type: "AddedToken" };
    ofMap.set(token, value.content);
    return token;
  };
  for (const [key, value] of Object.entries(specialTokensMap)) {
    if (key !== "extra_special_tokens") given[key] = asToken(value);
    else given[key] = Array.isArray(value) ? [...listOf(given[key]), ...value.map(asToken)] : value;
  }
  if (isObject(given.extra_special_tokens)) {
    for (const [key, value] of Object.entries(given.extra_special_tokens)) specific.set(key, value);
    delete given.extra_special_tokens;
  }
  // A token of which tokenizer_config.json has settings is not yet known by its text here.
  const special = new Set(
    [...NAMES.map((key) => given[key]), ...listOf(given.extra_special_tokens)].map((value) =>
      ofMap.get(value) ?? value
    ),
  );
  for (const [content, id] of Object.entries(addedTokens)) {
    const isSpecial = special.has(content);
    decoder.set(idOf(id, `added_tokens.json: ${quoted(content)}`), {
      content,
      normalized: !isSpecial,
      special: isSpecial,
    });
  }
  for (const [i, token] of jsonTokens.entries()) {
    const where = `tokenizer.json: added_tokens[${i}]`;
    if (!isObject(token)) throw new TypeError(`${where} is no token: ${quoted(token)}`);
    const { id, ...settings } = token;
    decoder.set(idOf(id, where), tokenOf(settings, where));
  }
  return [decoder, (key) => key in specialTokensMap ? "special_tokens_map.json" : "tokenizer_config.json"];
}

const listOf = (value: unknown): unknown[] => Array.isArray(value) ? value : [];

function idOf(value: unknown, where: string): number {
  const id = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  if (!isCount(id)) throw new TypeError(`${where} has no id: ${quoted(value)}`);
  return id;
}
