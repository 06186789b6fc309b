import { endProcess } from "./end_process.ts";

/** Signals that ask a command to end, with their numbers: a terminal that goes, Ctrl-C, and what `kill` and clusters send. */
const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** A signal that asks a command to end. */
export type EndingSignal = keyof typeof NUMBERS;

/** All of them. */
export const ENDING_SIGNALS = Object.keys(NUMBERS) as readonly EndingSignal[];

/** A signal, as the reason why work ended. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";

  /** Takes the signal, and in words what may be done now. */
  constructor(readonly signal: EndingSignal, advice?: string) {
    super(`interrupted${signal === "SIGINT" ? "" : ` by ${signal}`}${advice === undefined ? "" : `: ${advice}`}`);
  }

  /** What a process ends with that such a signal ended: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP. */
  get exitCode(): number {
    return 128 + NUMBERS[this.signal];
  }
}

/** Ctrl-C pressed again after so long ends the process at once; sooner, it is the same one, handed on by a launcher. */
const AGAIN_MILLISECONDS = 1000;

/** How many scopes of {@linkcode onInterrupt} there are: as long as there is one, it decides when work ends. */
let scopes = 0;

/** Calls a function at each signal that asks the process to end, until the end of a scope. */
function listen(hear: (signal: EndingSignal) => void): Disposable {
  const listeners = ENDING_SIGNALS.map((signal) => [signal, () => hear(signal)] as const);
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return {
    [Symbol.dispose]() {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}

/**
 * An AbortSignal that Ctrl-C, SIGTERM and SIGHUP abort with {@linkcode Interrupted}, until the end of a scope, so that
 * work ends between two of its steps with its state saved. A second Ctrl-C does not wait for that.
 *
 * Takes in words how the work goes on: it ends the message.
 */
export function onInterrupt(advice: string): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const { signal } = controller;
  let began = 0;
  const listening = listen((name) => {
    if (!signal.aborted) {
      began = performance.now();
      controller.abort(new Interrupted(name, advice));
    } else if (name === "SIGINT" && performance.now() - began > AGAIN_MILLISECONDS) endProcess(130);
  });
  scopes++;
  return {
    signal,
    [Symbol.dispose]() {
      scopes--;
      listening[Symbol.dispose]();
    },
  };
}

/** Calls a function at such a signal wherever no scope of {@linkcode onInterrupt} is there to end the work. */
export function endAtSignals(end: (reason: Interrupted) => void): Disposable {
  return listen((signal) => {
    if (scopes === 0) end(new Interrupted(signal));
  });
}
