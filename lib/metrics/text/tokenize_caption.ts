import { withoutEntities } from "./without_entities.ts";

/** Tokens that do not count, as in the scorers of MS COCO's captions; brackets do. */
const IGNORED: ReadonlySet<string> = new Set("'' ' `` ` . ? ! , : - -- ... ;".split(" "));

/** What of a text is one token, the first that fits: in order, abbreviations, numbers, words, marks. */
const TOKEN = new RegExp(
  [
    String.raw`(?:[a-z]\.){2,}|[a-z]\.(?![\p{L}\p{N}])`, // u.s., e.g., j.
    String.raw`(?:mr|mrs|ms|dr|prof|st|jr|sr|vs|etc|inc|ltd|co|corp|no)\.(?=\s+\S)`,
    String.raw`'(?:s|m|d|re|ve|ll)(?![\p{L}\p{N}])`,
    String.raw`n't(?![\p{L}\p{N}])`,
    String.raw`[+-]?\p{N}+(?:[.,:]\p{N}+)*(?:[-/]?[\p{L}\p{N}]+)*`, // 1,234.5, 20-25, 5th
    String.raw`[\p{L}\p{N}\p{M}]+(?:[-&_@./][\p{L}\p{N}\p{M}]+)*`, // family-friendly, at&t, and/or
    String.raw`\.{3,}|--+`,
    String.raw`\S`,
  ].join("|"),
  "gu",
);

/** Words that are two tokens, with what follows the first. */
const JOINED: ReadonlyMap<string, readonly [string, string]> = new Map([
  ["cannot", ["can", "not"]],
  ["gonna", ["gon", "na"]],
  ["gotta", ["got", "ta"]],
  ["wanna", ["wan", "na"]],
]);

const NAMES: ReadonlyMap<string, string> = new Map([
  ["(", "-lrb-"],
  [")", "-rrb-"],
  ["[", "-lsb-"],
  ["]", "-rsb-"],
  ["{", "-lcb-"],
  ["}", "-rcb-"],
  ["£", "#"],
  ["€", "$"],
  ["“", "``"],
  ["”", "''"],
  ['"', "''"],
  ["‘", "`"],
  ["…", "..."],
  ["—", "--"],
  ["–", "--"],
]);

/**
 * The tokens of an English text as the scorers of MS COCO's captions read it: those of Stanford's PTBTokenizer, in
 * lower case, without punctuation. Contractions are parted (`do n't`, `it 's`), hyphens are not. Of that tokenizer's
 * rules these are the ones that plain sentences need.
 */
export function tokenizeCaption(text: string): string[] {
  const plain = withoutEntities(text.toLowerCase());
  const line = plain.replaceAll("’", "'").replace(/\p{Extended_Pictographic}/gu, " ")
    .replace(/(\p{L})(n't)(?![\p{L}\p{N}])/gu, "$1 $2");
  const tokens = line.match(TOKEN) ?? [];
  return tokens.flatMap((token) => JOINED.get(token) ?? [NAMES.get(token) ?? token]).filter((token) =>
    !IGNORED.has(token)
  );
}
