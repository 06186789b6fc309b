import { countNgrams, greatestCounts, type NgramCounts, overlap, total } from "./ngrams.ts";
import { readRows, type References, type Row, splitWords, type TextScore } from "./rows.ts";
import { tokenize13a } from "./split_punctuation.ts";

/** Whose BLEU it is. */
export interface BleuOptions {
  /**
   * `"mteval-v13a"`, the default, splits punctuation off like NIST's `mteval-v13a.pl` does, and smooths; `"multi-bleu"`
   * takes texts as tokenized at white space, the way Moses' `multi-bleu.perl` does, and does not smooth. There a blank
   * reference beside others counts as one of no tokens, whose length may be the nearest, as in WebNLG's scores.
   */
  readonly convention?: "mteval-v13a" | "multi-bleu";
  /** Whether case is ignored; false by default. */
  readonly lowercase?: boolean;
  /**
   * What stands for a precision of nothing shared: `"exponential"` takes half a shared n-gram for the first such order,
   * a quarter for the second, and so on, and `"none"` leaves it 0, and BLEU with it. The convention's by default.
   */
  readonly smoothing?: "exponential" | "none";
  /** The longest n-grams that count; 4 by default. */
  readonly maxOrder?: number;
}

/** What BLEU is computed of, summed over rows. */
interface Counts {
  hypothesisLength: number;
  referenceLength: number;
  readonly shared: number[];
  readonly totals: number[];
}

/**
 * BLEU of hypotheses, 0 to 1: the geometric mean of the shares of their n-grams of 1 to 4 tokens that a reference has,
 * times a penalty where they are shorter than the references whose lengths are nearest (Papineni et al. 2002,
 * https://aclanthology.org/P02-1040). It equals sacrebleu's, which prints it times 100.
 *
 * The corpus's score is of counts summed over rows. A row's own score takes only the orders for which it is long
 * enough, as sacrebleu's does with `effective_order`. A hypothesis without tokens scores 0. `parts` has `precision1` to
 * `precision4`, `brevityPenalty`, `hypothesisLength` and `referenceLength`, in tokens.
 *
 * Throws a RangeError where the lists differ in length, are empty, or a row has no reference.
 *
 * @example
 * ```ts
 * import { metrics } from "@delta-dawn/delta-lora";
 *
 * const { score, sentences } = metrics.bleu(
 *   ["the cat sat on the mat", "a dog"],
 *   [["the cat sat on a mat", "the cat is on the mat"], "a dog"],
 * );
 * console.log(score.toFixed(4), sentences.map((s) => s.toFixed(4)).join(" ")); // 0.7071 0.7071 1.0000
 * ```
 */
export function bleu(hypotheses: readonly string[], references: References, options: BleuOptions = {}): TextScore {
  const { convention = "mteval-v13a", lowercase = false, maxOrder = 4 } = options;
  const smoothing = options.smoothing ?? (convention === "mteval-v13a" ? "exponential" : "none");
  const split = convention === "mteval-v13a" ? tokenize13a : splitWords;
  const tokenize = (text: string) => split(lowercase ? text.toLowerCase() : text);
  const sum: Counts = emptyCounts(maxOrder);
  const sentences = readRows("BLEU", hypotheses, references).map((row) => {
    const counts = countRow(row, { tokenize, maxOrder, countsBlank: convention === "multi-bleu" });
    sum.hypothesisLength += counts.hypothesisLength;
    sum.referenceLength += counts.referenceLength;
    for (let n = 0; n < maxOrder; n++) {
      sum.shared[n] += counts.shared[n];
      sum.totals[n] += counts.totals[n];
    }
    return fromCounts(counts, smoothing, true).score;
  });
  const { score, precisions, brevityPenalty } = fromCounts(sum, smoothing, false);
  const { hypothesisLength, referenceLength } = sum;
  const named = Object.fromEntries(precisions.map((precision, n) => [`precision${n + 1}`, precision]));
  return { score, sentences, parts: { ...named, brevityPenalty, hypothesisLength, referenceLength } };
}

function emptyCounts(maxOrder: number): Counts {
  const zeros = () => Array<number>(maxOrder).fill(0);
  return { hypothesisLength: 0, referenceLength: 0, shared: zeros(), totals: zeros() };
}

interface Reading {
  readonly tokenize: (text: string) => string[];
  readonly maxOrder: number;
  readonly countsBlank: boolean;
}

function countRow(row: Row, { tokenize, maxOrder, countsBlank }: Reading): Counts {
  const hypothesis = tokenize(row.hypothesis);
  const references = [...row.references.map(tokenize), ...(countsBlank && row.hasBlank ? [[]] : [])];
  const counts: NgramCounts[] = countNgrams(hypothesis, maxOrder);
  const greatest = greatestCounts(references.map((tokens) => countNgrams(tokens, maxOrder)));
  return {
    hypothesisLength: hypothesis.length,
    referenceLength: nearestLength(hypothesis.length, references.map((tokens) => tokens.length)),
    shared: counts.map((ngrams, n) => overlap(ngrams, greatest[n])),
    totals: counts.map(total),
  };
}

/** The length that is nearest to the hypothesis's, the lesser one of two that are as near. */
function nearestLength(length: number, references: readonly number[]): number {
  return references.reduce((best, other) => {
    const [distance, least] = [Math.abs(other - length), Math.abs(best - length)];
    return distance < least || (distance === least && other < best) ? other : best;
  });
}

/** `byLength` leaves out the orders of which the hypothesis has no n-grams, in place of a score of 0. */
function fromCounts(counts: Counts, smoothing: "exponential" | "none", byLength: boolean) {
  const { hypothesisLength, referenceLength, shared, totals } = counts;
  const precisions = Array<number>(shared.length).fill(0);
  const isShort = hypothesisLength < referenceLength;
  const brevityPenalty = !isShort ? 1 : hypothesisLength === 0 ? 0 : Math.exp(1 - referenceLength / hypothesisLength);
  if (shared.every((count) => count === 0)) return { score: 0, precisions, brevityPenalty };
  let orders = shared.length;
  let halving = 1;
  for (let n = 0; n < shared.length && totals[n] > 0; n++) {
    if (byLength) orders = n + 1;
    if (shared[n] === 0 && smoothing === "exponential") halving *= 2;
    precisions[n] = shared[n] > 0 ? shared[n] / totals[n] : smoothing === "exponential" ? 1 / (halving * totals[n]) : 0;
  }
  const logs = precisions.slice(0, orders).map(Math.log);
  return { score: brevityPenalty * Math.exp(logs.reduce((a, b) => a + b) / orders), precisions, brevityPenalty };
}
