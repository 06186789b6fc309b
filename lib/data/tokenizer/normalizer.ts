import { byteCharacters } from "./byte_level.ts";
import { CONTROLS, MARKS, NONSPACING_MARKS, normalForm } from "./older_unicode.ts";
import { flagOf, type Part, partsOf, textOf } from "./part.ts";
import { stretchesOfPattern } from "./pattern.ts";
import { precompiledCharsmap } from "./precompiled_charsmap.ts";
import { quoted } from "../../text/quoted.ts";

/** Changes text before it is cut into words. */
export interface Normalizer {
  readonly normalize: (text: string) => string;
  /** Whether a text loses its beginning; without it, none does. */
  readonly losesBeginning?: (text: string) => boolean;
}

const UNCHANGED: Normalizer = { normalize: (text) => text };

/**
 * What a `tokenizer.json`'s normalizer does. Throws a TypeError that names a normalizer or a setting which is not known
 * here.
 */
export function normalizerOf(part: Part | null): Normalizer {
  if (part === null) return UNCHANGED;
  switch (part.type) {
    case "BertNormalizer":
      return inSequence(bertNormalizers(part));
    case "Sequence":
      return inSequence(partsOf(part, "normalizers").map(normalizerOf));
    case "Precompiled":
      if (part.precompiled_charsmap === null || part.precompiled_charsmap === "") return UNCHANGED;
      return { normalize: precompiledCharsmap(Uint8Array.fromBase64(textOf(part, "precompiled_charsmap"))) };
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD":
      return inNormalForm(part.type);
    case "Lowercase":
      return LOWER_CASE;
    case "StripAccents":
      return without(MARKS);
    case "Nmt":
      return inSequence(NMT);
    case "ByteLevel":
      return { normalize: byteCharacters };
    case "Strip":
      return inSequence([
        ...flagOf(part, "strip_left") ? [without(/^\p{White_Space}+/u)] : [],
        ...flagOf(part, "strip_right") ? [{ normalize: withoutTrailingSpace }] : [],
      ]);
    case "Prepend": {
      const prefix = textOf(part, "prepend");
      return { normalize: (text) => text === "" ? text : prefix + text };
    }
    case "Replace":
      return replaceNormalizer(part);
    default:
      throw new TypeError(`normalizer ${quoted(part.type)} is not supported`);
  }
}

function inSequence(normalizers: readonly Normalizer[]): Normalizer {
  if (normalizers.length === 1) return normalizers[0];
  return {
    normalize: (text) => {
      for (const { normalize } of normalizers) text = normalize(text);
      return text;
    },
    losesBeginning: (text) =>
      normalizers.some(({ normalize, losesBeginning }) => {
        const loses = losesBeginning?.(text) ?? false;
        text = normalize(text);
        return loses;
      }),
  };
}

/** Leaves out what a pattern finds. */
function without(pattern: RegExp): Normalizer {
  return {
    normalize: (text) => text.replace(pattern, ""),
    losesBeginning: (text) => text.search(pattern) === 0,
  };
}

function withoutTrailingSpace(text: string): string {
  let end = text.length;
  // All white space is of one code unit.
  while (end > 0 && /\p{White_Space}/u.test(text[end - 1])) end--;
  return text.slice(0, end);
}

const inNormalForm = (form: "NFC" | "NFD" | "NFKC" | "NFKD"): Normalizer => ({
  normalize: (text) => normalForm(text, form),
});

/** In lower case, each character for itself: Σ is σ at a word's end, too. */
const LOWER_CASE: Normalizer = { normalize: (text) => text.replaceAll("Σ", "σ").toLowerCase() };

const NMT: readonly Normalizer[] = [
  // deno-lint-ignore no-control-regex
  without(/[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/g),
  { normalize: (text) => text.replace(/[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g, " ") },
];

/** Literal content for each match of a pattern: `$` means nothing in it. */
function replaceNormalizer(part: Part): Normalizer {
  const find = stretchesOfPattern(part);
  const content = textOf(part, "content");
  return {
    normalize: (text) => {
      let result = "";
      for (const [start, end, isMatch] of find(text)) result += isMatch ? content : text.slice(start, end);
      return result;
    },
    // What replaces several characters is taken to stand where the last of them was.
    losesBeginning: (text) => {
      const [start, end, isMatch] = find(text)[0] ?? [0, 0, false];
      return isMatch && end > start && (content === "" || [...text.slice(0, end)].length > 1);
    },
  };
}

function bertNormalizers(part: Part): Normalizer[] {
  const lowercase = flagOf(part, "lowercase");
  const [clean, ideographs] = [flagOf(part, "clean_text"), flagOf(part, "handle_chinese_chars")];
  return [
    ...clean ? [without(CONTROLS), { normalize: spacesAlike }] : [],
    ...ideographs ? [{ normalize: (text: string) => text.replace(IDEOGRAPH, " $& ") }] : [],
    ...flagOf(part, "strip_accents", lowercase) ? [inNormalForm("NFD"), without(NONSPACING_MARKS)] : [],
    ...lowercase ? [LOWER_CASE] : [],
  ];
}

const spacesAlike = (text: string): string => text.replace(/\p{White_Space}/gu, " ");

/** The reference's blocks, with its gap at U+2B820. */
const IDEOGRAPH =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;
