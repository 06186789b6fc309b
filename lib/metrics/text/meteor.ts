import { alignWords, type KeysOf, type MatchKind } from "./align_words.ts";
import { normalizeWords } from "./normalize_words.ts";
import { readRows, type References, type TextScore } from "./rows.ts";
import { snowballStem } from "./snowball_stem.ts";
import { tokenizeCaption } from "./tokenize_caption.ts";

/** How texts are read, and which words match but for being equal. */
export interface MeteorOptions {
  /** Whether words of one stem match; true by default. */
  readonly stem?: boolean;
  /** The sets of synonyms that a word is in, by any names; words of one set match. None by default. */
  readonly synonyms?: (word: string) => Iterable<string>;
  /**
   * Whether texts are first read as the scorers of MS COCO's captions do, which E2E's results are in: without
   * punctuation. False by default.
   */
  readonly captions?: boolean;
}

/** What METEOR is computed of, summed over rows. */
interface Counts {
  /** Words and matches of hypotheses, then of references; those of the list of function words count less. */
  readonly hypothesis: Side;
  readonly reference: Side;
  /** Runs of matches that are neighbours in both texts, but where the texts are equal. */
  readonly chunks: number;
}

interface Side {
  readonly length: number;
  readonly matches: number;
  readonly weightedLength: number;
  readonly weightedMatches: number;
}

/** METEOR 1.5's parameters for English. */
const ALPHA = 0.85;
const BETA = 0.2;
const GAMMA = 0.6;
const DELTA = 0.75;
const WEIGHTS: Readonly<Record<MatchKind, number>> = { exact: 1, stem: 0.6, synonym: 0.8 };

/** English words and marks that METEOR 1.5 weighs less, as they are so frequent. */
const FUNCTION_WORDS: ReadonlySet<string> = new Set(
  ("the , . to of and a in that for \" is on 's it with was as said at he by be from have has are his but an this not " +
    "i will ’ they ) -rrb- ( -lrb- who their had we which were been more or s its would about new one after you : " +
    "also up when there than $ all out her people she year two - can if last first “ over other ” into some what so " +
    "-- no time years could ? 't — '").split(" "),
);

/**
 * METEOR of hypotheses, 0 to 1, by version 1.5's rules and parameters for English: words are aligned with those of a
 * reference, equal words first, then words of one stem, then synonyms; the score is a mean of precision and recall,
 * less a penalty for each break in the order (Denkowski and Lavie 2014, https://aclanthology.org/W14-3348).
 *
 * It equals METEOR 1.5 with its modules `exact` and `stem`, and with `synonym` where `synonyms` are its own, such as
 * WordNet's. Its table of paraphrases is not used, so that scores lie below those with all modules, which are mostly
 * published. Of several references a row takes the one of the greatest score, and the corpus's score is of counts
 * summed over rows. A hypothesis without words scores 0. `parts` has `precision`, `recall` and `penalty`.
 *
 * Throws a RangeError where the lists differ in length, are empty, or a row has no reference.
 *
 * @example
 * ```ts
 * import { metrics } from "@delta-dawn/delta-lora";
 *
 * const [hypotheses, references] = [["the cats sat here"], ["the cat sat down here"]];
 * console.log(metrics.meteor(hypotheses, references).score.toFixed(4)); // 0.3349
 * console.log(metrics.meteor(hypotheses, references, { stem: false }).score.toFixed(4)); // 0.2231
 * ```
 */
export function meteor(hypotheses: readonly string[], references: References, options: MeteorOptions = {}): TextScore {
  const { stem = true, synonyms, captions = false } = options;
  const stems = remembered(snowballStem);
  const keysOf: KeysOf = [
    ...(stem ? [["stem", (word: string) => [stems(word)]] as const] : []),
    ...(synonyms ? [["synonym", synonyms] as const] : []),
  ];
  const read = (text: string) => normalizeWords(captions ? tokenizeCaption(text).join(" ") : text);
  const rows = readRows("METEOR", hypotheses, references).map((row) => {
    const hypothesis = read(row.hypothesis);
    const [first, ...others] = row.references.map((text) => {
      const counts = countMatches(hypothesis, read(text), keysOf);
      return { counts, score: fromCounts(counts).score };
    });
    return others.reduce((best, other) => other.score > best.score ? other : best, first);
  });
  const { score, ...parts } = fromCounts(rows.map(({ counts }) => counts).reduce(add));
  return { score, sentences: rows.map((row) => row.score), parts };
}

function remembered(compute: (word: string) => string): (word: string) => string {
  const known = new Map<string, string>();
  return (word) => {
    const found = known.get(word) ?? compute(word);
    known.set(word, found);
    return found;
  };
}

function weightOf(word: string): number {
  return FUNCTION_WORDS.has(word) ? 1 - DELTA : DELTA;
}

function countMatches(hypothesis: readonly string[], reference: readonly string[], keysOf: KeysOf): Counts {
  const { matches, chunks } = alignWords(hypothesis, reference, keysOf);
  const side = (words: readonly string[], name: "hypothesis" | "reference"): Side => ({
    length: words.length,
    matches: matches.length,
    weightedLength: words.reduce((sum, word) => sum + weightOf(word), 0),
    weightedMatches: matches.reduce((sum, match) => sum + WEIGHTS[match.kind] * weightOf(words[match[name]]), 0),
  });
  const isWhole = matches.length === hypothesis.length && matches.length === reference.length && chunks === 1;
  return {
    hypothesis: side(hypothesis, "hypothesis"),
    reference: side(reference, "reference"),
    chunks: isWhole ? 0 : chunks,
  };
}

function add(left: Counts, right: Counts): Counts {
  const side = (one: Side, other: Side): Side => ({
    length: one.length + other.length,
    matches: one.matches + other.matches,
    weightedLength: one.weightedLength + other.weightedLength,
    weightedMatches: one.weightedMatches + other.weightedMatches,
  });
  return {
    hypothesis: side(left.hypothesis, right.hypothesis),
    reference: side(left.reference, right.reference),
    chunks: left.chunks + right.chunks,
  };
}

function fromCounts({ hypothesis, reference, chunks }: Counts) {
  if (hypothesis.matches === 0) return { score: 0, precision: 0, recall: 0, penalty: 0 };
  const precision = hypothesis.weightedMatches / hypothesis.weightedLength;
  const recall = reference.weightedMatches / reference.weightedLength;
  const penalty = GAMMA * (2 * chunks / (hypothesis.matches + reference.matches)) ** BETA;
  const score = (1 - penalty) / ((1 - ALPHA) / precision + ALPHA / recall);
  return { score, precision, recall, penalty };
}
