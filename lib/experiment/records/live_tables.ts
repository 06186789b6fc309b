import type { RunRecord } from "./record.ts";
import { type TableOptions, writeTables } from "./tables.ts";

/** Writing tables takes at most one part in so many of a grid's time. */
const SHARE = 20;

/** Tables of a grid that grows: writes them as often as their size allows, one after the other. */
export class LiveTables {
  #last: Promise<void> = Promise.resolve();
  #ended = -Infinity;
  #cost = 0;

  /** `records` gives those there are, in the order of their specs. */
  constructor(
    readonly folder: string,
    readonly records: () => readonly RunRecord[],
    readonly options: TableOptions = {},
  ) {}

  /** Writes the tables if that was long enough ago. */
  async refresh(): Promise<void> {
    if (performance.now() - this.#ended >= SHARE * this.#cost) await this.write();
  }

  /** Writes the tables. */
  write(): Promise<void> {
    const written = this.#last.then(async () => {
      const began = performance.now();
      await writeTables(this.folder, this.records(), this.options);
      this.#ended = performance.now();
      this.#cost = this.#ended - began;
    });
    this.#last = written.catch(() => {}); // who asked for it hears of it
    return written;
  }
}
