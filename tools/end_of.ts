import { ENDING_SIGNALS, type EndingSignal } from "../experiments/terminal/interrupt.ts";

/** How a process ended. */
export interface Ending {
  readonly code: number;
  /** What asked this process to end in the meantime, if something did. */
  readonly signal?: EndingSignal;
}

/**
 * Waits for a process that this one started. Signals that ask this one to end are handed on: the other decides when to
 * end. A terminal sends it Ctrl-C as well: it takes several at once for one.
 */
export async function endOf(child: Deno.ChildProcess): Promise<Ending> {
  let isRunning = true;
  let asked: EndingSignal | undefined;
  const listeners = ENDING_SIGNALS.map((signal) => {
    const listener = () => {
      asked ??= signal;
      if (isRunning) child.kill(signal);
    };
    Deno.addSignalListener(signal, listener);
    return [signal, listener] as const;
  });
  const { code } = await child.status;
  isRunning = false;
  for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  return { code, signal: asked };
}
