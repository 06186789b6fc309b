/** Fewest pairs, 8, of a comparison before {@linkcode nextSeeds} looks at its interval. */
export const FIRST_PAIRS = 8;

/** What {@linkcode nextSeeds} goes by. */
export interface StoppingOptions {
  /** How many tasks have a pair for each seed. */
  readonly tasks: number;
  /** The full width of the widest interval with the first so many seeds; infinite where one has no interval. */
  readonly widthAt: (seeds: number) => number;
  /** The full width that every interval is to have at most, in units of `widthAt`. */
  readonly width: number;
  /** Most seeds. */
  readonly most: number;
}

/**
 * How many seeds there are at each look, up to the last: {@linkcode FIRST_PAIRS} pairs at first, then each time half as
 * many again. They depend on nothing that was found.
 *
 * @example
 * ```ts
 * import { looksOf } from "@delta-dawn/delta-lora/experiment";
 *
 * console.log(looksOf({ tasks: 1, most: 60 })); // [8, 12, 18, 27, 41, 60]
 * ```
 */
export function looksOf({ tasks, most }: Pick<StoppingOptions, "tasks" | "most">): number[] {
  const looks = [Math.min(most, Math.max(2, Math.ceil(FIRST_PAIRS / tasks)))];
  while (looks[looks.length - 1] < most) {
    looks.push(Math.min(most, Math.ceil(1.5 * looks[looks.length - 1])));
  }
  return looks;
}

/**
 * How many seeds there are to be next, or `undefined` where no more are needed: pairs are added in groups until the
 * widest interval was narrow enough at two looks in a row. One look would not do, as a spread that is small by chance
 * ends it too early. Widths alone decide, never which way a difference goes; what was found with all seeds so far is
 * asked for again, so that a run that was interrupted takes the same way.
 *
 * @example
 * ```ts
 * import { nextSeeds } from "@delta-dawn/delta-lora/experiment";
 *
 * const widthAt = (seeds: number) => 6 / Math.sqrt(seeds);
 * const next = (done: number) => nextSeeds(done, { tasks: 1, widthAt, width: 2, most: 60 });
 * console.log(next(0), next(8), next(12), next(18)); // 8 12 18 undefined
 * ```
 */
export function nextSeeds(done: number, { tasks, widthAt, width, most }: StoppingOptions): number | undefined {
  const looks = looksOf({ tasks, most });
  let before = false;
  for (const seeds of looks) {
    if (seeds > done) return seeds;
    const isNarrow = widthAt(seeds) <= width;
    if (isNarrow && before) return undefined;
    before = isNarrow;
  }
  return undefined;
}
