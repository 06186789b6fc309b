import { isTerminal, writeError } from "./write_error.ts";

/** Prints a line on standard error; where it is a terminal, in place of a progress bar, which is drawn again later. */
export function tell(line: string): void {
  writeError(`${isTerminal() ? "\r\x1b[2K" : ""}${line}\n`);
}
