import { countNgrams, type NgramCounts, overlap, total } from "./ngrams.ts";
import { readRows, type References, splitWords, type TextScore } from "./rows.ts";

/** Which n-grams count, and how. */
export interface ChrfOptions {
  /** The longest n-grams of characters; 6 by default. */
  readonly characterOrder?: number;
  /** The longest n-grams of words; 0 by default, and 2 for chrF++. */
  readonly wordOrder?: number;
  /** How many times recall counts for what precision does; 2 by default. */
  readonly beta?: number;
  /** Whether case is ignored; false by default. */
  readonly lowercase?: boolean;
  /** Whether white space is among the characters; false by default. */
  readonly whitespace?: boolean;
}

/** N-grams of a hypothesis, of a reference, and those that both have, of one order. */
type Counts = readonly [hypothesis: number, reference: number, shared: number];

const PUNCTUATION: ReadonlySet<string> = new Set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");

/**
 * chrF of hypotheses, 0 to 1: the F-score of their n-grams of 1 to 6 characters, of which precision and recall are
 * means over the lengths (Popović 2015, https://aclanthology.org/W15-3049); with `wordOrder: 2` it is chrF++. It equals
 * sacrebleu's, which prints it times 100.
 *
 * Of several references a row takes the one that it is most like. The corpus's score is of counts summed over rows. A
 * hypothesis without characters scores 0. `parts` has `precision` and `recall`.
 *
 * Throws a RangeError where the lists differ in length, are empty, or a row has no reference.
 *
 * @example
 * ```ts
 * import { metrics } from "@delta-dawn/delta-lora";
 *
 * console.log(metrics.chrf(["the cat sat"], [["the cat sits", "a cat sat"]]).score.toFixed(4)); // 0.6723
 * ```
 */
export function chrf(hypotheses: readonly string[], references: References, options: ChrfOptions = {}): TextScore {
  const { characterOrder = 6, wordOrder = 0, beta = 2, lowercase = false, whitespace = false } = options;
  const read = (given: string): NgramCounts[] => {
    const text = lowercase ? given.toLowerCase() : given;
    const characters = Array.from(whitespace ? text : splitWords(text).join(""));
    return [...countNgrams(characters, characterOrder, ""), ...countNgrams(wordsOf(text), wordOrder)];
  };
  const rows = readRows("chrF", hypotheses, references).map((row) => {
    const hypothesis = read(row.hypothesis);
    const [first, ...others] = row.references.map((text) => {
      const counts = compare(hypothesis, read(text));
      return { counts, score: fromCounts(counts, beta).score };
    });
    return others.reduce((best, other) => other.score > best.score ? other : best, first);
  });
  const sum = rows.map(({ counts }) => counts).reduce((left, right) =>
    left.map(([hypothesis, reference, shared], n): Counts => [
      hypothesis + right[n][0],
      reference + right[n][1],
      shared + right[n][2],
    ])
  );
  const { score, precision, recall } = fromCounts(sum, beta);
  return { score, sentences: rows.map((row) => row.score), parts: { precision, recall } };
}

/** Words, each with one mark of punctuation parted off its end, or else its beginning. */
function wordsOf(text: string): string[] {
  return splitWords(text).flatMap((word) => {
    const characters = Array.from(word);
    const [first, last] = [characters[0], characters[characters.length - 1]];
    if (characters.length === 1) return [word];
    if (PUNCTUATION.has(last)) return [word.slice(0, -1), last];
    return PUNCTUATION.has(first) ? [first, word.slice(1)] : [word];
  });
}

/** A hypothesis's n-grams of an order that the reference is too short for do not count. */
function compare(hypothesis: readonly NgramCounts[], reference: readonly NgramCounts[]): Counts[] {
  return hypothesis.map((ngrams, n): Counts => [
    reference[n].size > 0 ? total(ngrams) : 0,
    total(reference[n]),
    overlap(ngrams, reference[n]),
  ]);
}

/** Means over the orders of which both have n-grams. */
function fromCounts(counts: readonly Counts[], beta: number) {
  const full = counts.filter(([hypothesis, reference]) => hypothesis > 0 && reference > 0);
  const orders = Math.max(1, full.length);
  const precision = full.reduce((sum, [hypothesis, , shared]) => sum + shared / hypothesis, 0) / orders;
  const recall = full.reduce((sum, [, reference, shared]) => sum + shared / reference, 0) / orders;
  const factor = beta ** 2;
  const score = precision + recall > 0 ? (1 + factor) * precision * recall / (factor * precision + recall) : 0;
  return { score, precision, recall };
}
