const encoder = new TextEncoder();

/** Prints a line on standard error; where it is a terminal, in place of a progress bar, which is drawn again later. */
export function tell(line: string): void {
  const clear = Deno.stderr.isTerminal() ? "\r\x1b[2K" : "";
  Deno.stderr.writeSync(encoder.encode(`${clear}${line}\n`));
}
