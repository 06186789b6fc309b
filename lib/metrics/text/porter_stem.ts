/** A suffix, what stands in its place, and what must hold for what is before it. The first that fits decides. */
type Rule = readonly [suffix: string, replacement: string, condition?: (stem: string) => boolean];

const IRREGULAR: ReadonlyMap<string, string> = new Map([
  ["sky", "sky"],
  ["skies", "sky"],
  ["dying", "die"],
  ["lying", "lie"],
  ["tying", "tie"],
  ["news", "news"],
  ["innings", "inning"],
  ["inning", "inning"],
  ["outings", "outing"],
  ["outing", "outing"],
  ["cannings", "canning"],
  ["canning", "canning"],
  ["howe", "howe"],
  ["proceed", "proceed"],
  ["exceed", "exceed"],
  ["succeed", "succeed"],
]);

const hasMeasure = (stem: string) => measure(stem) > 0;
const hasLongMeasure = (stem: string) => measure(stem) > 1;
const replaced = (pairs: string, condition: (stem: string) => boolean): Rule[] =>
  pairs.split(" ").map((pair): Rule => {
    const [suffix, replacement] = pair.split(">");
    return [suffix, replacement, condition];
  });

const PLURALS: readonly Rule[] = [["sses", "ss"], ["ies", "i"], ["ss", "ss"], ["s", ""]];
const SECOND: readonly Rule[] = [
  ...replaced(
    "ational>ate tional>tion enci>ence anci>ance izer>ize bli>ble alli>al entli>ent eli>e ousli>ous ization>ize " +
      "ation>ate ator>ate alism>al iveness>ive fulness>ful ousness>ous aliti>al iviti>ive biliti>ble fulli>ful",
    hasMeasure,
  ),
  ["logi", "log", (stem) => hasMeasure(`${stem}l`)],
];
const THIRD: readonly Rule[] = replaced("icate>ic ative> alize>al iciti>ic ical>ic ful> ness>", hasMeasure);
const FOURTH: readonly Rule[] = [
  ...replaced("al> ance> ence> er> ic> able> ible> ant> ement> ment> ent>", hasLongMeasure),
  ["ion", "", (stem) => hasLongMeasure(stem) && /[st]$/.test(stem)],
  ...replaced("ou> ism> ate> iti> ous> ive> ize>", hasLongMeasure),
];

/**
 * The stem of an English word by Porter's algorithm (Porter 1980, https://tartarus.org/martin/PorterStemmer) with the
 * changes that NLTK has made to it, as its `PorterStemmer` has by default and rouge-score uses: `running` is `run`,
 * `flies` is `fli`, `enjoy` stays.
 */
export function porterStem(given: string): string {
  const word = given.toLowerCase();
  const irregular = IRREGULAR.get(word);
  if (irregular !== undefined) return irregular;
  if (word.length <= 2) return word;
  return withoutLastE(applyRules(applyRules(secondStep(lastYToI(withoutEnding(withoutPlural(word)))), THIRD), FOURTH));
}

function withoutPlural(word: string): string {
  return word.length === 4 && word.endsWith("ies") ? word.slice(0, -1) : applyRules(word, PLURALS);
}

/** Takes `ed` and `ing` off, and mends what is left: `hopping` to `hop`, `filing` to `file`. */
function withoutEnding(word: string): string {
  if (word.endsWith("ied")) return word.slice(0, word.length === 4 ? -1 : -2);
  if (word.endsWith("eed")) return hasMeasure(word.slice(0, -3)) ? word.slice(0, -1) : word;
  const stem =
    ["ed", "ing"].filter((suffix) => word.endsWith(suffix)).map((suffix) => word.slice(0, -suffix.length))[0];
  if (stem === undefined || !hasVowel(stem)) return word;
  if (/(at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (endsInDoubleConsonant(stem)) return /[lsz]$/.test(stem) ? stem : stem.slice(0, -1);
  return measure(stem) === 1 && endsShort(stem) ? `${stem}e` : stem;
}

function lastYToI(word: string): string {
  const stem = word.slice(0, -1);
  return word.endsWith("y") && stem.length > 1 && isConsonant(stem, stem.length - 1) ? `${stem}i` : word;
}

/** `alli` goes first, and what is left of it goes through the step again. */
function secondStep(word: string): string {
  if (word.endsWith("alli") && hasMeasure(word.slice(0, -4))) return secondStep(word.slice(0, -2));
  return applyRules(word, SECOND);
}

/** Takes a last `e` off that is not heard, and one of two `l`. */
function withoutLastE(word: string): string {
  const stem = word.slice(0, -1);
  const isSilent = word.endsWith("e") && (hasLongMeasure(stem) || (measure(stem) === 1 && !endsShort(stem)));
  const kept = isSilent ? stem : word;
  return kept.endsWith("ll") && hasLongMeasure(kept.slice(0, -1)) ? kept.slice(0, -1) : kept;
}

function applyRules(word: string, rules: readonly Rule[]): string {
  const rule = rules.find(([suffix]) => word.endsWith(suffix));
  if (!rule) return word;
  const [suffix, replacement, condition] = rule;
  const stem = word.slice(0, word.length - suffix.length);
  return condition && !condition(stem) ? word : stem + replacement;
}

/** Whether each letter is a consonant: all but a, e, i, o, u, and a y behind a consonant. */
function consonants(word: string): boolean[] {
  const flags: boolean[] = [];
  for (const letter of word) flags.push(letter === "y" ? !(flags.at(-1) ?? false) : !"aeiou".includes(letter));
  return flags;
}

function isConsonant(word: string, index: number): boolean {
  return consonants(word.slice(0, index + 1))[index];
}

/** How often a consonant follows a vowel: Porter's m. */
function measure(stem: string): number {
  return consonants(stem).filter((flag, i, flags) => flag && i > 0 && !flags[i - 1]).length;
}

function hasVowel(stem: string): boolean {
  return consonants(stem).includes(false);
}

function endsInDoubleConsonant(word: string): boolean {
  return word.length > 1 && word.at(-1) === word.at(-2) && isConsonant(word, word.length - 1);
}

/** Whether a word ends in consonant, vowel, consonant, the last not w, x or y, or is a vowel and a consonant. */
function endsShort(word: string): boolean {
  const flags = consonants(word);
  const [first, middle, last] = flags.slice(-3);
  if (word.length === 2) return !flags[0] && flags[1];
  return word.length > 2 && first && !middle && last && !/[wxy]$/.test(word);
}
