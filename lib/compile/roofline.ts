/** What a device does at best, once measured. */
export interface Roofline {
  /** Multiplications and additions of products, in 10⁹ a second. */
  readonly gflopsPerSecond: number;
  /** Bytes read and written, in 10⁹ a second. */
  readonly gigabytesPerSecond: number;
}

/** What a roofline makes of some work. */
export interface AtBest {
  /** The least that it can take. */
  readonly seconds: number;
  /** Which of the two takes longer. */
  readonly boundBy: "arithmetic" | "memory";
}

/** The least time that work can take, and what bounds it (Williams, Waterman and Patterson 2009). */
export function atBest(
  { operations, bytes }: { readonly operations: number; readonly bytes: number },
  { gflopsPerSecond, gigabytesPerSecond }: Roofline,
): AtBest {
  const arithmetic = operations / gflopsPerSecond / 1e9;
  const memory = bytes / gigabytesPerSecond / 1e9;
  return arithmetic > memory ? { seconds: arithmetic, boundBy: "arithmetic" } : { seconds: memory, boundBy: "memory" };
}
