import { byteCharacters } from "./byte_level.ts";
import { PUNCTUATION } from "./older_unicode.ts";
import { flagOf, type Part, partsOf } from "./part.ts";
import { stretchesOfPattern } from "./pattern.ts";
import {
  type FindStretches,
  inverted,
  SPLIT_BEHAVIORS,
  type SplitBehavior,
  splitText,
  stretchesByPattern,
} from "./split_text.ts";
import { scriptRuns } from "./unicode_scripts.ts";
import { quoted } from "../../text/quoted.ts";

/** Words of a text. */
export interface Words {
  readonly words: readonly string[];
  /** Whether the first word is at the beginning of the text that a user gave. */
  readonly first: boolean;
}

/** Cuts a stretch of normalised text into words; `first` is true at the beginning of the text that a user gave. */
export type PreTokenize = (text: string, first: boolean) => Words;

/** GPT-2's words. White space is Unicode's, which JavaScript's `\s` is not: it lacks U+0085 and has U+FEFF. */
const GPT2_WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

const BERT_WORDS = new RegExp(`${PUNCTUATION}|[^\\p{White_Space}${PUNCTUATION}]+`, "gv");
/** `\w+|[^\w\s]+` as the reference reads it. */
const WORDS_AND_OTHERS =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;

/** The words that a pattern finds, which leaves out white space alone. */
const words = (pattern: RegExp): PreTokenize => (text, first) => ({
  words: text.match(pattern) ?? [],
  first: first && !/^\p{White_Space}/u.test(text),
});

const split = (find: FindStretches, behavior: SplitBehavior): PreTokenize => (text, first) => {
  const stretches = splitText(text, find, behavior);
  return { words: stretches.map(([start, end]) => text.slice(start, end)), first: first && stretches[0]?.[0] === 0 };
};

/**
 * What a `tokenizer.json`'s pre-tokenizer does. Throws a TypeError that names a pre-tokenizer or a setting which is not
 * known here.
 */
export function preTokenizerOf(part: Part | null): PreTokenize {
  if (part === null) return (text, first) => ({ words: [text], first });
  switch (part.type) {
    case "BertPreTokenizer":
      return words(BERT_WORDS);
    case "ByteLevel":
      return byteLevel(part);
    case "Metaspace":
      return metaspace(part);
    case "Sequence":
      return inSequence(partsOf(part, "pretokenizers").map(preTokenizerOf));
    case "Whitespace":
      return words(WORDS_AND_OTHERS);
    case "WhitespaceSplit":
      return words(/\P{White_Space}+/gu);
    case "Punctuation":
      return split(stretchesByPattern(new RegExp(PUNCTUATION, "gv")), behaviorOf(part, "Isolated"));
    case "Digits":
      return split(stretchesByPattern(/\p{N}/gu), flagOf(part, "individual_digits") ? "Isolated" : "Contiguous");
    case "CharDelimiterSplit":
      return split(stretchesByPattern(new RegExp(RegExp.escape(characterOf(part, "delimiter")), "gu")), "Removed");
    case "FixedLength":
      return fixedLength(part);
    case "UnicodeScripts":
      return scriptRuns;
    case "Split": {
      const find = stretchesOfPattern(part);
      return split(flagOf(part, "invert") ? inverted(find) : find, behaviorOf(part));
    }
    default:
      throw new TypeError(`pre_tokenizer ${quoted(part.type)} is not supported`);
  }
}

function inSequence(parts: readonly PreTokenize[]): PreTokenize {
  return (text, first) => {
    let found: Words = { words: [text], first };
    for (const cut of parts) {
      const { words, first } = found;
      const cuts = words.map((word, i) => cut(word, first && i === 0));
      // What was cut into nothing leaves no word: the first one that is left may be another's.
      found = { words: cuts.flatMap(({ words }) => words), first: cuts[0]?.words.length > 0 && cuts[0].first };
    }
    return found;
  };
}

function behaviorOf(part: Part, usual?: SplitBehavior): SplitBehavior {
  const given = part.behavior ?? usual;
  const behavior = SPLIT_BEHAVIORS.find((known) => known === given);
  if (!behavior) throw new TypeError(`pre_tokenizer ${part.type} with behavior ${quoted(given)} is not supported`);
  return behavior;
}

function characterOf(part: Part, name: string): string {
  const value = part[name];
  if (typeof value !== "string" || [...value].length !== 1) {
    throw new TypeError(`pre_tokenizer ${part.type} with ${name} ${quoted(value)} is not supported`);
  }
  return value;
}

function byteLevel(part: Part): PreTokenize {
  const [prefix, cuts] = [flagOf(part, "add_prefix_space"), flagOf(part, "use_regex", true)];
  return (text, first) => {
    const whole = prefix && !text.startsWith(" ") ? ` ${text}` : text;
    const parts = cuts ? whole.match(GPT2_WORDS) ?? [] : [whole];
    return { words: parts.map(byteCharacters), first };
  };
}

function metaspace(part: Part): PreTokenize {
  const replacement = characterOf(part, "replacement");
  const { prepend_scheme: scheme = "always" } = part;
  const cuts = flagOf(part, "split", true);
  if (scheme !== "always" && scheme !== "first" && scheme !== "never") {
    throw new TypeError(`pre_tokenizer Metaspace with prepend_scheme ${quoted(scheme)} is not supported`);
  }
  if (part.add_prefix_space === false && scheme !== "never") {
    throw new TypeError(`pre_tokenizer Metaspace has both add_prefix_space false and prepend_scheme ${quoted(scheme)}`);
  }
  const find = stretchesByPattern(new RegExp(RegExp.escape(replacement), "gu"));
  return (text, first) => {
    const spaced = text.replaceAll(" ", replacement);
    const prepended = scheme === "always" || scheme === "first" && first;
    const whole = prepended && !spaced.startsWith(replacement) ? replacement + spaced : spaced;
    if (!cuts) return { words: [whole], first };
    return { words: splitText(whole, find, "MergedWithNext").map(([start, end]) => whole.slice(start, end)), first };
  };
}

function fixedLength(part: Part): PreTokenize {
  const { length = 5 } = part;
  if (typeof length !== "number" || !Number.isSafeInteger(length) || length < 1) {
    throw new TypeError(`pre_tokenizer FixedLength with length ${quoted(length)} is not supported`);
  }
  return (text, first) => {
    const characters = [...text];
    const words: string[] = [];
    for (let at = 0; at < characters.length; at += length) words.push(characters.slice(at, at + length).join(""));
    return { words, first };
  };
}
