import { keysOf } from "../../text/keys_of.ts";

/**
 * What a device does at best, once measured: the roofline model of [Williams, Waterman and Patterson
 * 2009](https://doi.org/10.1145/1498765.1498785).
 */
export interface Roofline {
  /** Multiplications and additions of products, in 10⁹ a second. */
  readonly gflopsPerSecond: number;
  /** Bytes read and written, in 10⁹ a second. */
  readonly gigabytesPerSecond: number;
  /** Seconds of a dispatch that does next to nothing; 0 by default. */
  readonly dispatchSeconds?: number;
}

/**
 * What work takes longest for: its products (`arithmetic`), the bytes that it moves (`memory`), or being started
 * (`dispatch`).
 */
export type BoundBy = "arithmetic" | "memory" | "dispatch";

/** What a roofline says of a dispatch: `inspect.atBest()` gives it. */
export interface AtBest {
  /** The least seconds that it can take. */
  readonly seconds: number;
  /** What it takes longest for. */
  readonly boundBy: BoundBy;
}

/**
 * Gives the least seconds that a dispatch can take, and what bounds it: so many multiplications and additions, so many
 * bytes read and written, or being started as often as it runs, once by default ([Williams, Waterman and Patterson
 * 2009](https://doi.org/10.1145/1498765.1498785)).
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const roofline = { gflopsPerSecond: 100, gigabytesPerSecond: 10 };
 * console.log(dd.inspect.atBest({ operations: 2e9, bytes: 1e9 }, roofline)); // { seconds: 0.1, boundBy: "memory" }
 * ```
 */
export function atBest(
  { operations, bytes, runs = 1 }: { readonly operations: number; readonly bytes: number; readonly runs?: number },
  { gflopsPerSecond, gigabytesPerSecond, dispatchSeconds = 0 }: Roofline,
): AtBest {
  const bounds: readonly AtBest[] = [
    { seconds: operations / gflopsPerSecond / 1e9, boundBy: "arithmetic" },
    { seconds: bytes / gigabytesPerSecond / 1e9, boundBy: "memory" },
    { seconds: runs * dispatchSeconds, boundBy: "dispatch" },
  ];
  return bounds.reduce((most, bound) => bound.seconds > most.seconds ? bound : most);
}

/**
 * Adds up the least seconds of several dispatches, one after the other, and says what most of them are due to; `by` has
 * the seconds of each bound.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const parts = [{ seconds: 2, boundBy: "memory" }, { seconds: 1, boundBy: "arithmetic" }] as const;
 * console.log(dd.inspect.atBestTogether(parts).seconds, dd.inspect.atBestTogether(parts).boundBy); // 3 memory
 * ```
 */
export function atBestTogether(parts: readonly AtBest[]): AtBest & { readonly by: Readonly<Record<BoundBy, number>> } {
  const by: Record<BoundBy, number> = { arithmetic: 0, memory: 0, dispatch: 0 };
  for (const { seconds, boundBy } of parts) by[boundBy] += seconds;
  const names = keysOf(by);
  const boundBy = names.reduce((most, name) => by[name] > by[most] ? name : most);
  return { seconds: names.reduce((sum, name) => sum + by[name], 0), boundBy, by };
}
