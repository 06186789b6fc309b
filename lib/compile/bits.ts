/** A set of small whole numbers. */
export class Bits {
  readonly #words: Uint32Array;

  constructor(capacity: number) {
    this.#words = new Uint32Array(Math.ceil(capacity / 32));
  }

  add(value: number): void {
    this.#words[value >> 5] |= 1 << (value & 31);
  }

  has(value: number): boolean {
    return (this.#words[value >> 5] & (1 << (value & 31))) !== 0;
  }

  /** Adds all of another set; whether anything was new. */
  union(other: Bits): boolean {
    let grew = false;
    for (let i = 0; i < this.#words.length; i++) {
      const before = this.#words[i];
      this.#words[i] |= other.#words[i];
      grew ||= this.#words[i] !== before;
    }
    return grew;
  }

  meets(other: Bits): boolean {
    for (let i = 0; i < this.#words.length; i++) if (this.#words[i] & other.#words[i]) return true;
    return false;
  }
}
