/** Dawn polls its device from `setImmediate`: every so many polls go through `setTimeout` instead. */
const PACE = 8;

type Immediate = (callback: (...args: unknown[]) => void, ...args: unknown[]) => unknown;
const host = globalThis as unknown as { setImmediate?: Immediate };

let waits = 0;
let unpaced: Immediate | undefined;

/**
 * Awaits a promise of Dawn's without letting Dawn spin: left alone, its polling takes a core that a software driver
 * needs, and stalls for hundreds of milliseconds when memory is collected. Does nothing in a browser.
 */
export async function paced<T>(promise: Promise<T>): Promise<T> {
  if (host.setImmediate === undefined) return await promise;
  if (waits++ === 0) {
    const original = unpaced = host.setImmediate;
    let polls = 0;
    host.setImmediate = (callback, ...args) =>
      ++polls % PACE === 0 ? setTimeout(callback, 0, ...args) : original(callback, ...args);
  }
  try {
    return await promise;
  } finally {
    if (--waits === 0) host.setImmediate = unpaced;
  }
}
