import { keysOf } from "../../text/keys_of.ts";

/** What a device does at best, once measured. */
export interface Roofline {
  /** Multiplications and additions of products, in 10⁹ a second. */
  readonly gflopsPerSecond: number;
  /** Bytes read and written, in 10⁹ a second. */
  readonly gigabytesPerSecond: number;
  /** What a dispatch takes that does next to nothing; 0 by default. */
  readonly dispatchSeconds?: number;
}

/** What work takes longest for: its products, the bytes that it moves, or being started. */
export type BoundBy = "arithmetic" | "memory" | "dispatch";

/** What a roofline makes of a dispatch. */
export interface AtBest {
  /** The least that it can take. */
  readonly seconds: number;
  /** What that is due to. */
  readonly boundBy: BoundBy;
}

/** The least time that a dispatch can take, and what bounds it (Williams, Waterman and Patterson 2009). */
export function atBest(
  { operations, bytes }: { readonly operations: number; readonly bytes: number },
  { gflopsPerSecond, gigabytesPerSecond, dispatchSeconds = 0 }: Roofline,
): AtBest {
  const bounds: readonly AtBest[] = [
    { seconds: operations / gflopsPerSecond / 1e9, boundBy: "arithmetic" },
    { seconds: bytes / gigabytesPerSecond / 1e9, boundBy: "memory" },
    { seconds: dispatchSeconds, boundBy: "dispatch" },
  ];
  return bounds.reduce((most, bound) => bound.seconds > most.seconds ? bound : most);
}

/** The least time of several dispatches, one after the other, and what most of it is due to. */
export function atBestTogether(parts: readonly AtBest[]): AtBest & { readonly by: Readonly<Record<BoundBy, number>> } {
  const by: Record<BoundBy, number> = { arithmetic: 0, memory: 0, dispatch: 0 };
  for (const { seconds, boundBy } of parts) by[boundBy] += seconds;
  const names = keysOf(by);
  const boundBy = names.reduce((most, name) => by[name] > by[most] ? name : most);
  return { seconds: names.reduce((sum, name) => sum + by[name], 0), boundBy, by };
}
