import { SplitPreTokenizer } from "@huggingface/tokenizers";
import { expectPattern, type Part } from "./normalizer.ts";
import { quoted } from "../io/quoted.ts";

/** Cuts a stretch of normalised text into words; `first` is true at the beginning of a text. */
export type PreTokenize = (text: string, first: boolean) => string[];

/** The characters that GPT-2 writes for bytes: printable ones for themselves, the others from U+0100 on. */
const BYTE_CHARACTERS: readonly string[] = (() => {
  const printable = (byte: number) =>
    byte >= 33 && byte <= 126 || byte >= 161 && byte <= 172 || byte >= 174 && byte <= 255;
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : 256 + others++));
})();

/** GPT-2's words. White space is Unicode's, which JavaScript's `\s` is not: it lacks U+0085 and has U+FEFF. */
const GPT2_WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

const PUNCTUATION = "\\p{P}\\u0021-\\u002F\\u003A-\\u0040\\u005B-\\u0060\\u007B-\\u007E";
const BERT_WORDS = new RegExp(`[${PUNCTUATION}]|[^\\p{White_Space}${PUNCTUATION}]+`, "gu");
const ISOLATED_PUNCTUATION = new RegExp(`[${PUNCTUATION}]|[^${PUNCTUATION}]+`, "gu");
/** `\w+|[^\w\s]+` as the reference reads it. */
const WORDS_AND_OTHERS =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;

const words = (pattern: RegExp): PreTokenize => (text) => text.match(pattern) ?? [];

/**
 * The function of a `tokenizer.json`'s pre-tokenizer. Ours where @huggingface/tokenizers 0.2.0 cuts otherwise than the
 * reference: it takes JavaScript's white space, digits and words for Unicode's, does not cut at Metaspace's ▁, and does not
 * set each punctuation mark apart.
 *
 * Throws a TypeError that names a pre-tokenizer or a setting which is not known here.
 */
export function preTokenizerOf(part: Part | null | undefined): PreTokenize {
  if (part === null || part === undefined) return (text) => [text];
  switch (part.type) {
    case "BertPreTokenizer":
      return words(BERT_WORDS);
    case "ByteLevel":
      return byteLevel(part);
    case "Metaspace":
      return metaspace(part);
    case "Sequence": {
      const parts = (part.pretokenizers as Part[]).map(preTokenizerOf);
      return (text, first) => parts.reduce((all, cut) => all.flatMap((word, i) => cut(word, first && i === 0)), [text]);
    }
    case "Whitespace":
      return words(WORDS_AND_OTHERS);
    case "WhitespaceSplit":
      return words(/\P{White_Space}+/gu);
    case "Punctuation":
      expectSetting(part, "behavior", ["Isolated", undefined]);
      return words(ISOLATED_PUNCTUATION);
    case "Digits":
      return words(part.individual_digits ? /\p{N}|\P{N}+/gu : /\p{N}+|\P{N}+/gu);
    case "Split": {
      expectSetting(part, "behavior", ["Isolated", "Removed"]);
      expectPattern(part);
      const split = new SplitPreTokenizer(part as unknown as ConstructorParameters<typeof SplitPreTokenizer>[0]);
      return (text) => split.pre_tokenize_text(text);
    }
    default:
      throw new TypeError(`pre_tokenizer ${quoted(part.type)} is not supported`);
  }
}

function expectSetting(part: Part, name: string, known: readonly unknown[]): void {
  if (!known.includes(part[name])) {
    throw new TypeError(`pre_tokenizer ${part.type} with ${name} ${quoted(part[name])} is not supported`);
  }
}

function byteLevel(part: Part): PreTokenize {
  const encoder = new TextEncoder();
  const { add_prefix_space: prefix, use_regex: cut = true } = part;
  return (text) => {
    const whole = prefix && !text.startsWith(" ") ? ` ${text}` : text;
    const parts = cut ? whole.match(GPT2_WORDS) ?? [] : [whole];
    return parts.map((word) => Array.from(encoder.encode(word), (byte) => BYTE_CHARACTERS[byte]).join(""));
  };
}

function metaspace(part: Part): PreTokenize {
  const { replacement = "▁", prepend_scheme: scheme = "always", split = true } = part;
  if (typeof replacement !== "string" || [...replacement].length !== 1) {
    throw new TypeError(`pre_tokenizer Metaspace with replacement ${quoted(replacement)} is not supported`);
  }
  expectSetting({ ...part, prepend_scheme: scheme }, "prepend_scheme", ["always", "first", "never"]);
  return (text, first) => {
    const spaced = text.replaceAll(" ", replacement);
    const prepended = scheme === "always" || scheme === "first" && first;
    const whole = prepended && !spaced.startsWith(replacement) ? replacement + spaced : spaced;
    if (!split) return [whole];
    return whole.split(replacement).map((word, i) => i === 0 ? word : replacement + word).filter((word) => word !== "");
  };
}
