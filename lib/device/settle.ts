/** Dawn polls its device from `setImmediate`; so many polls go there after a wait began or ended, for short waits. */
const EAGER = 8;
/** So many more go through `setTimeout` with a millisecond; all later ones, with the one below. */
const BRISK = 24;
const CALM_MILLISECONDS = 4;

type Immediate = (callback: (...args: unknown[]) => void, ...args: unknown[]) => unknown;
// With a name that every runtime has, by which types tell the global object.
const host: { readonly setTimeout: unknown; setImmediate?: Immediate } = globalThis;

let waits = 0;
/** Polls since a wait began or ended. */
let polls = 0;
let unpaced: Immediate | undefined;

/**
 * Awaits a promise of Dawn's without letting Dawn spin: left alone, its polling takes a core that a software driver
 * needs. Each poll also leaves a function behind whose finalizer runs when memory is collected: after some seconds of
 * spinning, that stalls the program for as long. Does nothing in a browser.
 */
export async function paced<T>(promise: Promise<T>): Promise<T> {
  if (host.setImmediate === undefined) return await promise;
  if (waits++ === 0) {
    const original = unpaced = host.setImmediate;
    host.setImmediate = (callback, ...args) => {
      if (++polls <= EAGER) return original(callback, ...args);
      return setTimeout(callback, polls <= EAGER + BRISK ? 1 : CALM_MILLISECONDS, ...args);
    };
  }
  polls = 0;
  try {
    return await promise;
  } finally {
    polls = 0;
    if (--waits === 0) host.setImmediate = unpaced;
  }
}
