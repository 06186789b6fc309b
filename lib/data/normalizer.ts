import { ReplaceNormalizer } from "@huggingface/tokenizers";
import { precompiledCharsmap } from "./precompiled_charsmap.ts";
import { quoted } from "../io/quoted.ts";

/** Changes text before it is cut into words. */
export type Normalize = (text: string) => string;

/** One part of a `tokenizer.json`: its type and its settings. */
export type Part = Readonly<Record<string, unknown>>;

/**
 * The function of a `tokenizer.json`'s normalizer. Ours where @huggingface/tokenizers 0.2.0 gives other text than the
 * reference: its BertNormalizer looks for ideographs among code units and so misses those beyond U+FFFF; its lower case
 * ends words in ς; its Precompiled takes NFKC for whatever table the file has.
 *
 * Throws a TypeError that names a normalizer which is not known here.
 */
export function normalizerOf(part: Part | null | undefined): Normalize {
  if (part === null || part === undefined) return (text) => text;
  switch (part.type) {
    case "BertNormalizer":
      return bertNormalizer(part);
    case "Sequence": {
      const parts = (part.normalizers as Part[]).map(normalizerOf);
      return (text) => parts.reduce((changed, normalize) => normalize(changed), text);
    }
    case "Precompiled":
      if (part.precompiled_charsmap === null || part.precompiled_charsmap === "") return (text) => text;
      return precompiledCharsmap(Uint8Array.fromBase64(part.precompiled_charsmap as string));
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD": {
      const form = part.type;
      return (text) => text.normalize(form);
    }
    case "Lowercase":
      return lowerCase;
    case "StripAccents":
      return (text) => text.replace(/\p{M}/gu, "");
    case "Strip": {
      const start = part.strip_left ? /^\p{White_Space}+/u : /^(?!)/;
      const end = part.strip_right ? /\p{White_Space}+$/u : /(?!)$/;
      return (text) => text.replace(start, "").replace(end, "");
    }
    case "Prepend":
      return (text) => text === "" ? text : `${part.prepend}${text}`;
    case "Replace": {
      expectPattern(part);
      const replace = new ReplaceNormalizer(part as unknown as ConstructorParameters<typeof ReplaceNormalizer>[0]);
      return (text) => replace.normalize(text);
    }
    default:
      throw new TypeError(`normalizer ${quoted(part.type)} is not supported`);
  }
}

/** Throws a TypeError where a part has no pattern: one text that is not empty, under `String` or `Regex`. */
export function expectPattern({ type, pattern }: Part): void {
  const { String: text, Regex: regex } = (pattern ?? {}) as Record<string, unknown>;
  const given = text ?? regex;
  if (typeof given !== "string" || given === "") {
    throw new TypeError(`${type} has no pattern: ${quoted(pattern)}`);
  }
}

/** In lower case, each character for itself: Σ is σ at a word's end, too. */
function lowerCase(text: string): string {
  return text.replaceAll("Σ", "σ").toLowerCase();
}

function bertNormalizer(part: Part): Normalize {
  const { clean_text: clean, handle_chinese_chars: ideographs, lowercase } = part;
  const accents = part.strip_accents ?? lowercase;
  return (text) => {
    if (clean) text = text.replace(NO_TEXT, "").replace(/\p{White_Space}/gu, " ");
    if (ideographs) text = text.replace(IDEOGRAPH, " $& ");
    if (accents) text = text.normalize("NFD").replace(/\p{Mn}/gu, "");
    return lowercase ? lowerCase(text) : text;
  };
}

/** Zero, U+FFFD and control characters but for tabs and line ends. */
const NO_TEXT = /[\0\ufffd]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu;

/** The reference's blocks, with its gap at U+2B820. */
const IDEOGRAPH =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;
