import { popHeap, pushHeap } from "./heap.ts";

/** A pair that may become a piece: how often it was seen, and the words in which it was found. */
interface Candidate {
  readonly count: number;
  readonly left: number;
  readonly right: number;
  readonly words: ReadonlySet<number>;
}

/** More pieces than a vocabulary has: a pair's key is left · SPAN + right. */
const SPAN = 2 ** 26;

/** Whether a candidate comes first: the more frequent, of equal ones that of the lower ids. */
const precedes = (a: Candidate, b: Candidate): boolean =>
  a.count !== b.count ? a.count > b.count : a.left !== b.left ? a.left < b.left : a.right < b.right;

/**
 * Learns merges of pieces from words and how often each was seen, step by step as the BPE trainer of Hugging Face's
 * tokenizers does: counts in the queue may be too high, and are mended when they come to its top.
 */
export class MergeLearner {
  readonly #words: number[][];
  readonly #counts: readonly number[];
  readonly #pairCounts = new Map<number, number>();
  readonly #queue: Candidate[] = [];

  constructor(words: readonly (readonly [ids: readonly number[], count: number])[]) {
    this.#words = words.map(([ids]) => [...ids]);
    this.#counts = words.map(([, count]) => count);
    const found = new Map<number, Set<number>>();
    for (const [word, ids] of this.#words.entries()) {
      for (let i = 0; i + 1 < ids.length; i++) this.#count(ids[i], ids[i + 1], 1, word, found);
    }
    this.#offer(found);
  }

  /**
   * The most frequent pair that is left, with the words in which it is known to be; nothing where there is none any
   * more.
   */
  next(): Candidate | undefined {
    for (let top = popHeap(this.#queue, precedes); top !== undefined; top = popHeap(this.#queue, precedes)) {
      const count = this.#pairCounts.get(top.left * SPAN + top.right) ?? 0;
      if (count === top.count) return count < 1 ? undefined : top;
      pushHeap(this.#queue, { ...top, count }, precedes);
    }
    return undefined;
  }

  /** Puts the merged piece in the place of its two parts in these words. */
  merge({ left, right, words }: Candidate, merged: number): void {
    const found = new Map<number, Set<number>>();
    for (const word of words) {
      const ids = this.#words[word];
      for (let i = 0; i + 1 < ids.length; i++) {
        if (ids[i] !== left || ids[i + 1] !== right) continue;
        if (i > 0) {
          this.#count(ids[i - 1], left, -1, word);
          this.#count(ids[i - 1], merged, 1, word, found);
        }
        if (i + 2 < ids.length) {
          this.#count(right, ids[i + 2], -1, word);
          this.#count(merged, ids[i + 2], 1, word, found);
        }
        ids.splice(i, 2, merged);
      }
    }
    this.#offer(found);
  }

  #count(left: number, right: number, sign: 1 | -1, word: number, found?: Map<number, Set<number>>): void {
    const key = left * SPAN + right;
    this.#pairCounts.set(key, (this.#pairCounts.get(key) ?? 0) + sign * this.#counts[word]);
    if (!found) return;
    const words = found.get(key);
    if (words) words.add(word);
    else found.set(key, new Set([word]));
  }

  #offer(found: ReadonlyMap<number, ReadonlySet<number>>): void {
    for (const [key, words] of found) {
      const count = this.#pairCounts.get(key)!;
      if (count > 0) pushHeap(this.#queue, { count, left: Math.floor(key / SPAN), right: key % SPAN, words }, precedes);
    }
  }
}
