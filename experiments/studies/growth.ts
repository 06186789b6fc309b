import { FIRST_PAIRS, looksOf, nextSeeds } from "../../lib/experiment/statistics/stopping.ts";
import { plural } from "../../lib/text/plural.ts";
import { duration } from "../../lib/text/duration.ts";

/** Most pairs of a comparison, unless a number of seeds is asked for: coverage under the rule is simulated up to here. */
export const MOST_PAIRS = 60;

/** Until when pairs are added. */
export interface Growth {
  /** The full width in points that every 95 % interval is to have at most. */
  readonly until: number;
  /** Seconds in which the groups are to end; none by default. */
  readonly budget?: number;
  /** Most seeds. */
  readonly most: number;
  /** How many tasks have a pair for each seed. */
  readonly tasks: number;
}

/** A number of points with a digit where it needs one. */
const points = (width: number) => `${Number((100 * width).toFixed(1))}`;

/** How pairs are added, as a sentence. */
export function growthText({ until, budget, most, tasks }: Growth): string {
  return `Pairs are added in groups (${
    looksOf({ most, tasks }).join(", ")
  } seeds) from ${FIRST_PAIRS} on until every ` +
    `95 % interval is at most ${plural(until, "point")} wide at two looks in a row` +
    `${budget === undefined ? "" : `, or ${duration(budget)} are over`}; widths alone decide.`;
}

/** What there is at a look: what was found, and the width of its widest 95 % interval. */
export interface Look<Found> {
  readonly found: Found;
  /** A share; infinite where a comparison has no interval. */
  readonly width: number;
}

/** What there is at a look once all its runs ran. */
export interface Ran<Found> extends Look<Found> {
  /** Seconds of the machine that all its runs took, those that were recorded before, too. */
  readonly seconds: number;
}

/** How many seeds come next, of widths at the looks before; none where no more are needed. */
function nextOf({ until, most, tasks }: Growth, widths: ReadonlyMap<number, number>): number | undefined {
  const done = Math.max(0, ...widths.keys());
  return nextSeeds(done, { tasks, most, width: until / 100, widthAt: (seeds) => widths.get(seeds)! });
}

/**
 * How many seeds a command begins with that goes on from what is recorded: those of the first look that is not recorded
 * whole, or of the last one.
 */
export async function recordedSeeds<Found>(
  growth: Growth,
  lookAt: (seeds: number) => Promise<Look<Found> | undefined>,
): Promise<number> {
  const widths = new Map<number, number>();
  for (;;) {
    const next = nextOf(growth, widths);
    if (next === undefined) return Math.max(...widths.keys());
    const look = await lookAt(next);
    if (!look) return next;
    widths.set(next, look.width);
  }
}

/** What came of adding pairs. */
export interface Grown<Found> {
  readonly found: Found;
  /** How far it went and why it ended, as a sentence. */
  readonly text: string;
}

/**
 * Runs group after group until widths allow or the budget ends. A group begins only where it is expected to end within
 * the budget, by the slowest seed so far, recorded ones among them; the first always does.
 */
export async function grow<Found>(
  growth: Growth,
  { run, say, now = () => performance.now() / 1000 }: {
    /** Runs all with so many seeds; what is recorded takes no time. */
    readonly run: (seeds: number) => Promise<Ran<Found>>;
    readonly say: (line: string) => void;
    /** Seconds of a clock. */
    readonly now?: () => number;
  },
): Promise<Grown<Found>> {
  const { budget = Infinity, most, until } = growth;
  const widths = new Map<number, number>();
  const began = now();
  let pace = 0;
  for (let done = 0, last: Ran<Found> | undefined;;) {
    const next = nextOf(growth, widths);
    const expected = now() - began + pace * ((next ?? done) - done);
    if (last && (next === undefined || expected > budget)) {
      const reason = next !== undefined
        ? "the budget ends before the next group would"
        : last.width <= until / 100
        ? `each at most ${plural(until, "point")} wide`
        : `the most that are added (${most})`;
      return { found: last.found, text: `${growthText(growth)} They ended at ${plural(done, "seed")}: ${reason}.` };
    }
    const at = now();
    const before = last?.seconds ?? 0;
    last = await run(next!);
    // By the clock, or by what runs took when it was another call that ran them.
    pace = Math.max(pace, Math.max(now() - at, last.seconds - before) / (next! - done));
    widths.set(next!, last.width);
    done = next!;
    say(`pairs: ${plural(done, "seed")}, the widest 95 % interval ${points(last.width)} points`);
  }
}
