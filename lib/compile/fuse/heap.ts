/** Values of which the least by a number is taken first; of equal ones any. */
export class Heap<T> {
  readonly #entries: { readonly key: number; readonly value: T }[] = [];

  get size(): number {
    return this.#entries.length;
  }

  push(key: number, value: T): void {
    const entries = this.#entries;
    let at = entries.push({ key, value }) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (entries[parent].key <= entries[at].key) break;
      [entries[parent], entries[at]] = [entries[at], entries[parent]];
      at = parent;
    }
  }

  pop(): T | undefined {
    const entries = this.#entries;
    const [first] = entries;
    const last = entries.pop();
    if (entries.length > 0 && last) {
      entries[0] = last;
      let at = 0;
      while (true) {
        const [left, right] = [2 * at + 1, 2 * at + 2];
        let least = at;
        if (left < entries.length && entries[left].key < entries[least].key) least = left;
        if (right < entries.length && entries[right].key < entries[least].key) least = right;
        if (least === at) break;
        [entries[least], entries[at]] = [entries[at], entries[least]];
        at = least;
      }
    }
    return first?.value;
  }
}
