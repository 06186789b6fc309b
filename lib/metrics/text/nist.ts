import { countNgrams, greatestCounts, type NgramCounts, total } from "./ngrams.ts";
import { readRows, type References, splitWords, type TextScore } from "./rows.ts";
import { tokenize13a } from "./split_punctuation.ts";

/** How texts are read and how long n-grams are. */
export interface NistOptions {
  /** `"13a"`, the default, splits punctuation off like NIST's `mteval-v13a.pl` does; `"none"` splits at white space. */
  readonly tokenize?: "13a" | "none";
  /** Whether case is ignored; false by default. */
  readonly lowercase?: boolean;
  /** The longest n-grams that count; 5 by default. */
  readonly maxOrder?: number;
}

/** What NIST is computed of: bits of information that are shared, n-grams of hypotheses by order, and tokens. */
interface Counts {
  readonly bits: readonly number[];
  readonly totals: readonly number[];
  readonly rows: number;
  readonly hypothesisLength: number;
  /** References, and tokens in all of them. */
  readonly references: number;
  readonly referenceTokens: number;
}

/** NIST's penalty is a half where a hypothesis is two thirds as long as its references. */
const LENGTH_FACTOR = Math.log(0.5) / Math.log(1.5) ** 2;

/**
 * NIST of hypotheses, from 0, in bits: for each length of 1 to 5 tokens the mean information of the n-grams that a
 * reference has, summed, times a penalty where hypotheses are shorter than their references on average (Doddington
 * 2002). An n-gram's information is that of its last token after those before it, as counted in all references. It is
 * the NIST score of `mteval-v13a.pl`; where rows differ in how many references they have, the length of references is
 * the mean over all of them, as in E2E's scores.
 *
 * A row's own score has the information of the whole corpus's references. A hypothesis without tokens scores 0. `parts`
 * has `order1` to `order5`, the bits of each length before the penalty, `lengthPenalty`, `hypothesisLength` and
 * `referenceLength`, in tokens: of as many references as there are rows.
 *
 * Throws a RangeError where the lists differ in length, are empty, or a row has no reference.
 *
 * @example
 * ```ts
 * import { metrics } from "@delta-dawn/delta-lora";
 *
 * const { score } = metrics.nist(["the cat sat on the mat"], [["the cat sat on a mat", "the cat is on the mat"]]);
 * console.log(score.toFixed(4)); // 3.6406
 * ```
 */
export function nist(hypotheses: readonly string[], references: References, options: NistOptions = {}): TextScore {
  const { tokenize = "13a", lowercase = false, maxOrder = 5 } = options;
  const split = tokenize === "13a" ? tokenize13a : splitWords;
  const read = (text: string) => split(lowercase ? text.toLowerCase() : text);
  const rows = readRows("NIST", hypotheses, references).map((row) => {
    const tokens = row.references.map(read);
    return {
      hypothesis: countNgrams(read(row.hypothesis), maxOrder),
      references: tokens.map((reference) => countNgrams(reference, maxOrder)),
      referenceTokens: tokens.reduce((sum, reference) => sum + reference.length, 0),
    };
  });
  const information = informationOf(rows.flatMap((row) => row.references), maxOrder);
  const counts = rows.map(({ hypothesis, references, referenceTokens }): Counts => ({
    bits: sharedBits(hypothesis, greatestCounts(references), information),
    totals: hypothesis.map(total),
    rows: 1,
    hypothesisLength: total(hypothesis[0]),
    references: references.length,
    referenceTokens,
  }));
  const sum = counts.reduce(add);
  const { hypothesisLength } = sum;
  const { score, orders, lengthPenalty, referenceLength } = fromCounts(sum);
  const named = Object.fromEntries(orders.map((bits, n) => [`order${n + 1}`, bits]));
  return {
    score,
    sentences: counts.map((row) => fromCounts(row).score),
    parts: { ...named, lengthPenalty, hypothesisLength, referenceLength },
  };
}

/** Bits of each n-gram of the references: how much rarer it is than its tokens but the last. */
function informationOf(texts: readonly (readonly NgramCounts[])[], maxOrder: number): NgramCounts[] {
  const counts = Array.from({ length: maxOrder }, (): NgramCounts => new Map());
  for (const text of texts) {
    text.forEach((ngrams, n) => {
      for (const [ngram, count] of ngrams) counts[n].set(ngram, (counts[n].get(ngram) ?? 0) + count);
    });
  }
  const tokens = total(counts[0]);
  return counts.map((ngrams, n) => {
    const before = (ngram: string) => n === 0 ? tokens : counts[n - 1].get(ngram.slice(0, ngram.lastIndexOf(" "))) ?? 0;
    return new Map(Array.from(ngrams, ([ngram, count]) => [ngram, Math.log2(before(ngram) / count)]));
  });
}

function sharedBits(hypothesis: readonly NgramCounts[], greatest: readonly NgramCounts[], information: NgramCounts[]) {
  return hypothesis.map((ngrams, n) => {
    let bits = 0;
    for (const [ngram, count] of ngrams) {
      const shared = Math.min(count, greatest[n].get(ngram) ?? 0);
      if (shared > 0) bits += shared * (information[n].get(ngram) ?? 0);
    }
    return bits;
  });
}

function add(left: Counts, right: Counts): Counts {
  return {
    bits: left.bits.map((bits, n) => bits + right.bits[n]),
    totals: left.totals.map((count, n) => count + right.totals[n]),
    rows: left.rows + right.rows,
    hypothesisLength: left.hypothesisLength + right.hypothesisLength,
    references: left.references + right.references,
    referenceTokens: left.referenceTokens + right.referenceTokens,
  };
}

function fromCounts({ bits, totals, rows, hypothesisLength, references, referenceTokens }: Counts) {
  const orders = bits.map((sum, n) => totals[n] > 0 ? sum / totals[n] : 0);
  const referenceLength = rows * referenceTokens / references;
  const ratio = Math.min(1, hypothesisLength / referenceLength);
  const lengthPenalty = ratio > 0 ? Math.exp(LENGTH_FACTOR * Math.log(ratio) ** 2) : 0;
  return { score: lengthPenalty * orders.reduce((a, b) => a + b), orders, lengthPenalty, referenceLength };
}
