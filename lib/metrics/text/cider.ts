import { countNgrams, type NgramCounts } from "./ngrams.ts";
import { mean, readRows, type References, type TextScore } from "./rows.ts";
import { tokenizeCaption } from "./tokenize_caption.ts";

/** Which n-grams count, and how much length does. */
export interface CiderOptions {
  /** The longest n-grams that count; 4 by default. */
  readonly maxOrder?: number;
  /** How many tokens' difference in length weighs a similarity by e^(−1/2); 6 by default. */
  readonly sigma?: number;
}

/** Weights of a text's n-grams of each order, the norm of each order's weights, and the text's length. */
interface Weighted {
  readonly weights: readonly ReadonlyMap<string, number>[];
  readonly norms: readonly number[];
  readonly length: number;
}

/**
 * CIDEr-D of hypotheses, 0 to 10: how similar they are to their references on average, by n-grams of 1 to 4 tokens
 * which count the more the fewer rows have them in a reference (Vedantam et al. 2015,
 * https://arxiv.org/abs/1411.5726). It equals the scorer of MS COCO's captions.
 *
 * The corpus's score is the mean over rows. Weights are of the whole corpus's references, so that a corpus of one row
 * scores 0: nothing in it is rarer than the rest. A hypothesis without tokens scores 0. Tokens are near those of
 * Stanford's PTBTokenizer, in lower case and without punctuation. `parts` has `order1` to `order4`, the mean of each
 * order, of which the score is the mean.
 *
 * Throws a RangeError where the lists differ in length, are empty, or a row has no reference.
 *
 * @example
 * ```ts
 * import { metrics } from "@delta-dawn/delta-lora";
 *
 * const { sentences } = metrics.cider(["a cat on the mat", "some fish"], [["a cat on the mat"], ["a dog in the park"]]);
 * console.log(sentences.map((s) => s.toFixed(4)).join(" ")); // 10.0000 0.0000
 * ```
 */
export function cider(hypotheses: readonly string[], references: References, options: CiderOptions = {}): TextScore {
  const { maxOrder = 4, sigma = 6 } = options;
  const read = (text: string) => countNgrams(tokenizeCaption(text), maxOrder);
  const rows = readRows("CIDEr", hypotheses, references).map((row) => ({
    hypothesis: read(row.hypothesis),
    references: row.references.map(read),
  }));
  const rarity = rarityOf(rows.map((row) => row.references));
  const scores = rows.map((row) => {
    const hypothesis = weigh(row.hypothesis, rarity);
    const similarities = row.references.map((reference) => similarity(hypothesis, weigh(reference, rarity), sigma));
    return Array.from({ length: maxOrder }, (_, n) => 10 * mean(similarities.map((orders) => orders[n])));
  });
  const sentences = scores.map(mean);
  const orders = Array.from({ length: maxOrder }, (_, n) => mean(scores.map((score) => score[n])));
  const parts = Object.fromEntries(orders.map((score, n) => [`order${n + 1}`, score]));
  return { score: mean(sentences), sentences, parts };
}

/** The logarithm of how many times fewer rows have an n-gram in a reference than there are rows. */
function rarityOf(rows: readonly (readonly (readonly NgramCounts[])[])[]): (ngram: string) => number {
  const frequencies: NgramCounts = new Map();
  for (const references of rows) {
    const present = new Set(references.flatMap((counts) => counts.flatMap((ngrams) => [...ngrams.keys()])));
    for (const ngram of present) frequencies.set(ngram, (frequencies.get(ngram) ?? 0) + 1);
  }
  return (ngram) => Math.log(rows.length) - Math.log(frequencies.get(ngram) ?? 1);
}

/** A text's length is its number of pairs, as in the scorer of MS COCO's captions. */
function weigh(counts: readonly NgramCounts[], rarity: (ngram: string) => number): Weighted {
  const weights = counts.map((ngrams) =>
    new Map(Array.from(ngrams, ([ngram, count]) => [ngram, count * rarity(ngram)] as const))
  );
  const norms = weights.map((order) => Math.sqrt([...order.values()].reduce((sum, weight) => sum + weight ** 2, 0)));
  const length = [...counts[1]?.values() ?? []].reduce((sum, count) => sum + count, 0);
  return { weights, norms, length };
}

/** For each order the cosine of both texts' weights, those of the hypothesis at most the reference's. */
function similarity(hypothesis: Weighted, reference: Weighted, sigma: number): number[] {
  const factor = Math.exp(-((hypothesis.length - reference.length) ** 2) / (2 * sigma ** 2));
  return hypothesis.weights.map((weights, n) => {
    let product = 0;
    for (const [ngram, weight] of weights) {
      const other = reference.weights[n].get(ngram) ?? 0;
      product += Math.min(weight, other) * other;
    }
    const norm = hypothesis.norms[n] * reference.norms[n];
    return norm > 0 ? factor * product / norm : factor * product;
  });
}
