import { duration } from "../../lib/text/duration.ts";
import { isTerminal, writeError } from "./write_error.ts";

/**
 * Progress of one piece of work on standard error: a bar with rate and time left where it is a terminal, else a plain
 * line after each quarter but the last, whose end the caller tells.
 */
export class ProgressBar {
  readonly #began = performance.now();
  readonly #isTerminal = isTerminal();
  #drawn = 0;
  #quarter = 0;

  /** `start` of the steps are done already, and took no time. */
  constructor(readonly title: string, readonly total: number, readonly start = 0) {}

  /** Shows that so many of the steps are done. */
  update(done: number, note: string): void {
    const seconds = (performance.now() - this.#began) / 1000;
    const rate = (done - this.start) / seconds;
    const left = duration((this.total - done) / rate);
    const text = `${done}/${this.total}  ${note}  ${rate.toFixed(1)} steps/s  ${left} left`;
    if (!this.#isTerminal) {
      const quarter = Math.floor(4 * done / this.total);
      if (quarter > this.#quarter && quarter < 4) writeError(`${this.title}  ${text}\n`);
      this.#quarter = quarter;
      return;
    }
    // Ten times a second is enough for eyes.
    if (done < this.total && performance.now() - this.#drawn < 100) return;
    this.#drawn = performance.now();
    if (!isTerminal()) return;
    const { columns } = Deno.consoleSize();
    const filled = Math.round(10 * done / this.total);
    const line = `${this.title}  [${"#".repeat(filled)}${"-".repeat(10 - filled)}]  ${text}`;
    writeError(`\r\x1b[2K${line.slice(0, columns - 1)}`);
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#isTerminal) writeError("\r\x1b[2K");
  }
}
