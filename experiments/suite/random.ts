/** A seeded stream of random choices: the same seed gives the same ones on every machine. */
export class Choices {
  #state: number;

  /**
   * A stream from a seed, a whole number from 0 to 2⁵³ − 1.
   *
   * Throws a RangeError where it is none.
   */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`Cannot draw from the seed ${seed} as it is no whole number from 0 to 2^53 - 1`);
    }
    this.#state = (seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1)) >>> 0;
  }

  /** The next number in [0, 1), by mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.next() < p;
  }

  /** One of a list. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  /** One of a list other than those that `isTaken` names. */
  pickOther<T>(list: readonly T[], isTaken: (item: T) => boolean): T {
    return this.pick(list.filter((item) => !isTaken(item)));
  }

  /** A stream of its own for a name. */
  fork(name: string): Choices {
    let hash = this.#state ^ 0x811c9dc5;
    for (const letter of name) hash = Math.imul(hash ^ letter.codePointAt(0)!, 0x01000193);
    return new Choices(hash >>> 0);
  }
}
