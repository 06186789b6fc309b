const IRREGULAR: ReadonlyMap<string, string> = new Map(
  ("skis>ski skies>sky dying>die lying>lie tying>tie idly>idl gently>gentl ugly>ugli early>earli only>onli " +
    "singly>singl sky>sky news>news howe>howe atlas>atlas cosmos>cosmos bias>bias andes>andes")
    .split(" ").map((pair): [string, string] => [pair.split(">")[0], pair.split(">")[1]]),
);
const FINAL: ReadonlySet<string> = new Set("inning outing canning herring earring proceed exceed succeed".split(" "));

/** Suffixes with what stands in their place, the longest that fits counts. */
const pairs = (text: string): (readonly [string, string])[] =>
  text.split(" ").map((pair) => [pair.split(">")[0], pair.split(">")[1]] as const)
    .sort(([left], [right]) => right.length - left.length);

const SECOND = pairs(
  "tional>tion enci>ence anci>ance abli>able entli>ent izer>ize ization>ize ational>ate ation>ate ator>ate alism>al " +
    "aliti>al alli>al fulness>ful ousli>ous ousness>ous iveness>ive iviti>ive biliti>ble bli>ble ogi>og fulli>ful " +
    "lessli>less li>",
);
const THIRD = pairs("tional>tion ational>ate alize>al icate>ic iciti>ic ical>ic ful> ness> ative>");
const FOURTH = pairs("al> ance> ence> er> ic> able> ible> ant> ement> ment> ent> ism> ate> iti> ous> ive> ize> ion>");

/**
 * The stem of an English word by the Snowball project's English stemmer, Porter's second
 * (https://snowballstem.org/algorithms/english/stemmer.html), which METEOR uses.
 */
export function snowballStem(given: string): string {
  const word = given.toLowerCase();
  if (word.length <= 2) return word;
  const irregular = IRREGULAR.get(word);
  if (irregular !== undefined) return irregular;
  const marked = word.replace(/^'/, "").replace(/^y|(?<=[aeiouy])y/g, "Y");
  const first = regionStart(marked);
  const second = afterConsonant(marked, first);
  const plain = withoutPlural(marked.replace(/'s'$|'s$|'$/, ""));
  if (FINAL.has(plain)) return plain;
  const singular = withoutEnding(plain, first).replace(/(?<=.[^aeiouy])[yY]$/, "i");
  const short = fourthStep(thirdStep(secondStep(singular, first), first, second), second);
  return withoutLast(short, first, second).toLowerCase();
}

/** Where the region begins that the first consonant behind a vowel ends; some beginnings have their own. */
function regionStart(word: string): number {
  const begin = /^(?:gener|commun|arsen)/.exec(word);
  return begin ? begin[0].length : afterConsonant(word, 0);
}

function afterConsonant(word: string, from: number): number {
  const found = /[aeiouy][^aeiouy]/.exec(word.slice(from));
  return found ? from + found.index + 2 : word.length;
}

function withoutPlural(word: string): string {
  if (word.endsWith("sses")) return word.slice(0, -2);
  if (/ie[ds]$/.test(word)) return word.length > 4 ? word.slice(0, -2) : word.slice(0, -1);
  if (/(?:us|ss)$/.test(word)) return word;
  return /[aeiouy].+s$/.test(word) ? word.slice(0, -1) : word;
}

function withoutEnding(word: string, first: number): string {
  const eed = /eed(?:ly)?$/.exec(word);
  if (eed) return eed.index >= first ? `${word.slice(0, eed.index)}ee` : word;
  const ending = /(?:ed|ing)(?:ly)?$/.exec(word);
  if (!ending) return word;
  const stem = word.slice(0, ending.index);
  if (!/[aeiouy]/.test(stem)) return word;
  if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (/(?:bb|dd|ff|gg|mm|nn|pp|rr|tt)$/.test(stem)) return stem.slice(0, -1);
  return first >= stem.length && endsShort(stem) ? `${stem}e` : stem;
}

/** Whether a word ends in a short syllable. */
function endsShort(word: string): boolean {
  return /^[aeiouy][^aeiouy]$|[^aeiouy][aeiouy][^aeiouywxY]$/.test(word);
}

function replace(
  word: string,
  table: readonly (readonly [string, string])[],
  mayReplace: (suffix: string, stem: string) => boolean,
): string {
  const found = table.find(([suffix]) => word.endsWith(suffix));
  if (!found) return word;
  const stem = word.slice(0, word.length - found[0].length);
  return mayReplace(found[0], stem) ? stem + found[1] : word;
}

function secondStep(word: string, first: number): string {
  return replace(word, SECOND, (suffix, stem) => {
    if (stem.length < first) return false;
    return suffix === "li" ? /[cdeghkmnrt]$/.test(stem) : suffix !== "ogi" || stem.endsWith("l");
  });
}

function thirdStep(word: string, first: number, second: number): string {
  return replace(word, THIRD, (suffix, stem) => stem.length >= (suffix === "ative" ? Math.max(first, second) : first));
}

function fourthStep(word: string, second: number): string {
  return replace(word, FOURTH, (suffix, stem) => stem.length >= second && (suffix !== "ion" || /[st]$/.test(stem)));
}

/** Takes off a last `e` that is not heard, or one of two `l`. */
function withoutLast(word: string, first: number, second: number): string {
  const stem = word.slice(0, -1);
  if (word.endsWith("e")) {
    return stem.length >= second || (stem.length >= first && !endsShort(stem)) ? stem : word;
  }
  return word.endsWith("ll") && stem.length >= second ? stem : word;
}
