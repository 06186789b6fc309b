import { splitWords } from "./rows.ts";
import { withoutEntities } from "./without_entities.ts";

/** ASCII punctuation but for apostrophe, comma, hyphen and period, with white space around it. */
const PUNCTUATION = /([{-~[-` -&(-+:-@/])/g;

/**
 * The tokens of a text like NIST's `mteval-v13a.pl` parts them, which sacrebleu calls `13a`: ASCII punctuation stands
 * alone, but for apostrophes, and periods and commas between digits; a hyphen stands alone after a digit.
 */
export function tokenize13a(text: string): string[] {
  const line = withoutEntities(text.replaceAll("<skipped>", "").replaceAll("-\n", "").replaceAll("\n", " "));
  return splitWords(partPeriods(` ${line} `.replace(PUNCTUATION, " $1 ")));
}

/** The tokens of a text the way Tercom's normalization parts them: those of `13a`, and a possessive's `'s` alone. */
export function tokenizeTercom(text: string): string[] {
  const line = withoutEntities(text.replaceAll("\n-", "").replaceAll("\n", " "));
  const parted = ` ${line} `.replace(PUNCTUATION, " $1 ").replaceAll("'s ", " 's ").replace(/'s$/, " 's");
  return splitWords(partPeriods(parted));
}

function partPeriods(text: string): string {
  return text
    .replace(/([^0-9])([.,])/gu, "$1 $2 ")
    .replace(/([.,])([^0-9])/gu, " $1 $2")
    .replace(/([0-9])(-)/g, "$1 $2 ");
}
