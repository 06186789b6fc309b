/** Ctrl-C, as the reason why work ended. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** Ctrl-C pressed again after so long ends the process at once; sooner, it is the same one, handed on by a launcher. */
const AGAIN_MILLISECONDS = 1000;

/**
 * A signal that Ctrl-C aborts with {@linkcode Interrupted}, until the end of a scope, so that work ends between two of
 * its steps; a second Ctrl-C does not wait for that.
 */
export function onInterrupt(message: string): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const { signal } = controller;
  let began = 0;
  const interrupt = () => {
    if (!signal.aborted) {
      began = performance.now();
      controller.abort(new Interrupted(message));
    } else if (performance.now() - began > AGAIN_MILLISECONDS) Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", interrupt);
  return { signal, [Symbol.dispose]: () => Deno.removeSignalListener("SIGINT", interrupt) };
}
