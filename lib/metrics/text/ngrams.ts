/** How often each n-gram occurs, by its tokens. */
export type NgramCounts = Map<string, number>;

/**
 * Counts of the n-grams of each order from 1 to `maxOrder`, those of order n at n − 1, by their tokens with `separator`
 * between them.
 */
export function countNgrams(tokens: readonly string[], maxOrder: number, separator = " "): NgramCounts[] {
  const counts = Array.from({ length: maxOrder }, (): NgramCounts => new Map());
  for (let start = 0; start < tokens.length; start++) {
    let ngram = "";
    for (let n = 0; n < maxOrder && start + n < tokens.length; n++) {
      ngram = n === 0 ? tokens[start] : ngram + separator + tokens[start + n];
      counts[n].set(ngram, (counts[n].get(ngram) ?? 0) + 1);
    }
  }
  return counts;
}

/** The greatest count of each n-gram among several texts, by order. */
export function greatestCounts(texts: readonly (readonly NgramCounts[])[]): NgramCounts[] {
  const [first, ...others] = texts;
  const greatest = first.map((counts) => new Map(counts));
  for (const text of others) {
    text.forEach((counts, n) => {
      for (const [ngram, count] of counts) greatest[n].set(ngram, Math.max(greatest[n].get(ngram) ?? 0, count));
    });
  }
  return greatest;
}

/** How many n-grams two texts of one order share: the lesser of both counts, summed. */
export function overlap(counts: NgramCounts, others: NgramCounts): number {
  const [small, large] = counts.size <= others.size ? [counts, others] : [others, counts];
  let shared = 0;
  for (const [ngram, count] of small) shared += Math.min(count, large.get(ngram) ?? 0);
  return shared;
}

/** How many n-grams there are in all. */
export function total(counts: NgramCounts): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}
