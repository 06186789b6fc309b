import { median, min } from "simple-statistics";

/** One of those that are measured side by side. */
export interface Contender {
  readonly name: string;
  /** Operations that one call of {@linkcode run} does. */
  readonly perRun: number;
  /** Does the work and waits until it is done. */
  run(): Promise<void>;
}

/** Milliseconds of one operation: of each round, the least, and the median. */
export interface Timing {
  readonly rounds: readonly number[];
  readonly best: number;
  readonly median: number;
}

/** Options of {@linkcode takeTurns}. */
export interface TurnOptions {
  /** Turns of each contender. */
  readonly rounds: number;
  /** A turn goes on until so many milliseconds are over; 0 by default, for one call. */
  readonly turnMilliseconds?: number;
  /** Milliseconds on some clock; `performance.now()` by default. */
  readonly clock?: () => number;
}

/** Best and median of what rounds took. */
export function timingOf(rounds: readonly number[]): Timing {
  return { rounds, best: min([...rounds]), median: median([...rounds]) };
}

/**
 * Measures contenders in rounds in which each has one turn, so that a machine that slows down slows all of them. The
 * first call of each, before the rounds, is not counted.
 */
export async function takeTurns(
  contenders: readonly Contender[],
  { rounds, turnMilliseconds = 0, clock = () => performance.now() }: TurnOptions,
): Promise<Timing[]> {
  for (const contender of contenders) await contender.run();
  const times: number[][] = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, contender] of contenders.entries()) {
      const began = clock();
      let runs = 0;
      let elapsed = 0;
      do {
        await contender.run();
        runs++;
        elapsed = clock() - began;
      } while (elapsed < turnMilliseconds);
      times[i].push(elapsed / (runs * contender.perRun));
    }
  }
  return times.map(timingOf);
}

/**
 * How much longer one took than another, by their bests, and the median of the ratios of their turns in the same round.
 */
export function ratioOf(timing: Timing, other: Timing): { readonly best: number; readonly median: number } {
  return {
    best: timing.best / other.best,
    median: median(timing.rounds.map((time, round) => time / other.rounds[round])),
  };
}
