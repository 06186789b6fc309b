const encoder = new TextEncoder();

/** Whether standard error still takes what is written. */
let isThere = true;

/**
 * Writes a text on standard error. Where that has gone, as a terminal that was closed has, nobody is left to tell of it:
 * texts are dropped then, and work goes on to the state that it saves.
 */
export function writeError(text: string): void {
  if (!isThere) return;
  try {
    Deno.stderr.writeSync(encoder.encode(text));
  } catch {
    isThere = false;
  }
}

/** Whether standard error is a terminal, and still there. */
export function isTerminal(): boolean {
  return isThere && Deno.stderr.isTerminal();
}
