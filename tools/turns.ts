/** Writes all of it: a stream may take less at once. */
function writeWhole(stream: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(stream.writeSync(rest));
}

/** What several processes say at once, printed as if they ran one after the other: the first of them is heard as it speaks. */
export class Turns {
  /** Whose turn it is. */
  #front = 0;
  /** What the others said so far, in their order. */
  readonly #kept = new Map<number, (() => void)[]>();
  readonly #ended = new Set<number>();

  /** Prints bytes of a process, by its number from 0, when its turn has come. */
  print(process: number, bytes: Uint8Array, isError: boolean): void {
    const write = () => writeWhole(isError ? Deno.stderr : Deno.stdout, bytes);
    if (process === this.#front) return write();
    const kept = this.#kept.get(process) ?? [];
    kept.push(write);
    this.#kept.set(process, kept);
  }

  /** Hears that a process has ended: the next one that has not is heard from now on. */
  end(process: number): void {
    this.#ended.add(process);
    while (this.#ended.has(this.#front)) {
      this.#front++;
      this.#kept.get(this.#front)?.forEach((write) => write());
      this.#kept.delete(this.#front);
    }
  }
}
