import { type Comparison, type Difference, type Verdict, verdictOf } from "../../../lib/experiment/statistics/mod.ts";
import { formatConfidence, formatP, formatPoints } from "../../../lib/experiment/statistics/points.ts";
import { plural } from "../../../lib/text/plural.ts";

/** A method, and what it is held against. */
export interface Held {
  readonly method: string;
  readonly against: string;
  readonly difference?: Difference;
  /** Learning rates of both, where they are not the same. */
  readonly rates?: readonly [own: number, against: number];
}

const points = (value: number, isSigned = true) => formatPoints(100 * value, { digits: 1, isSigned });

function rangeOf(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => points(value));
  return least === most ? least : `${least} … ${most}`;
}

/** A difference that was seen, in words. */
function seen({ method, against, difference, rates }: Held): string {
  const { mean, interval, pairs, adjustedP } = difference!;
  const p = formatP(adjustedP);
  const direction = mean > 0 ? "higher" : "lower";
  const unlike = rates ? `, at learning rates of ${rates[0]} and ${rates[1]}` : "";
  return `${method} scored ${direction} than ${against} by ${points(Math.abs(mean), false)} points ` +
    `(interval ${interval!.map((end) => points(end)).join(" … ")}, ${plural(pairs, "pair")}, p ` +
    `${p.startsWith("<") ? p : `= ${p}`}${unlike})`;
}

/** Whether an interval lies on one side of 0. */
function isApart({ difference }: Held): boolean {
  const [low, high] = difference?.interval ?? [-1, 1];
  return low > 0 || high < 0;
}

/** Whether anything is said of a single comparison: a difference, or an interval apart from 0. */
export function showsSomething(held: readonly Held[], { level }: { readonly level: number }): boolean {
  return held.some((one) => ["higher", "lower"].includes(verdictOf(one.difference, level)) || isApart(one));
}

/** A difference whose interval lies apart from 0 and whose test does not reach the level, in words. */
function undecided({ method, against, difference }: Held): string {
  const { mean, interval, pairs, adjustedP } = difference!;
  return `${method} against ${against}: the interval lies apart from 0 (${
    interval!.map((end) => points(end)).join(" … ")
  }, ` +
    `mean difference ${points(mean)} points), but the test of ${plural(pairs, "pair")} does not reach the level ` +
    `(p = ${formatP(adjustedP)}): undecided`;
}

/** Where differences lie, and how large their intervals let them be. */
function spread(held: readonly Held[]): string {
  const differences = held.map(({ difference }) => difference!);
  const ends = differences.flatMap(({ interval }) => interval ?? []);
  const means = `mean ${held.length === 1 ? "difference" : "differences"} ${
    rangeOf(differences.map(({ mean }) => mean))
  } points`;
  return ends.length === 0
    ? means
    : `${means}, ${held.length === 1 ? "interval" : "intervals within"} ${rangeOf(ends)}`;
}

/** Comparisons as sentences name them: methods by what they are held against. */
function named(held: readonly Held[]): string {
  const groups = Map.groupBy(held, ({ against }) => against);
  return Array.from(groups, ([against, own]) => `${own.map(({ method }) => method).join(", ")} against ${against}`)
    .join("; ");
}

/** Options of {@linkcode plainFindings}. */
export interface PlainFindingsOptions {
  readonly level: number;
  /** What the comparisons are called: `comparisons with lora`. */
  readonly what: string;
}

/**
 * What comparisons of one family show, in plain sentences from their numbers alone: each difference that interval and
 * test agree on by itself, all others together, with how large their intervals let them be.
 */
export function plainFindings(held: readonly Held[], { level, what }: PlainFindingsOptions): string {
  const by = (...wanted: readonly Verdict[]) =>
    held.filter(({ difference }) => wanted.includes(verdictOf(difference, level)));
  const apart = by("higher", "lower");
  const unseen = by("no difference seen");
  const alike = unseen.filter((one) => !isApart(one));
  const open = unseen.filter(isApart);
  const untested = by("untested");
  const bare = by("no interval");
  const missing = by("no pairs");
  const left = held.flatMap(({ method, difference }) => difference?.leftOut ? [`${method} ${difference.leftOut}`] : []);
  const tested = apart.length + unseen.length;
  const sentences = [
    ...tested > 0 && held.length > 1
      ? [
        `Of ${held.length} ${what}, ${
          apart.length === 0 ? "none shows" : apart.length === 1 ? "1 shows" : `${apart.length} show`
        } a difference by interval and test together.`,
      ]
      : [],
    ...apart.map((one) => `${seen(one)}.`),
    ...open.map((one) => `${undecided(one)}.`),
    ...alike.length > 0
      ? [`No difference seen: ${named(alike)} (${spread(alike)}), which does not show that there is none.`]
      : [],
    ...untested.length > 0
      ? [`Too few pairs for a test, intervals only: ${named(untested)} (${spread(untested)}).`]
      : [],
    ...bare.length > 0
      ? [`A task with a single pair, so no interval and no verdict: ${named(bare)} (${spread(bare)}).`]
      : [],
    ...missing.length > 0 ? [`No pair of runs, so nothing can be said: ${named(missing)}.`] : [],
    ...left.length > 0 ? [`Pairs left out, as a run failed: ${left.join(", ")}.`] : [],
  ];
  return sentences.join(" ");
}

/** The comparisons of a table: all methods with its baseline. */
export function heldOf({ baseline, methods }: Comparison): Held[] {
  return methods.filter(({ method }) => method !== baseline)
    .map(({ method, difference }) => ({ method, against: baseline, difference }));
}

/** What a table's comparisons rest on, before its findings. */
export function scopeOf({ tasks, seeds, level }: Pick<Comparison, "tasks" | "seeds" | "level">): string {
  return `Differences are over ${plural(tasks.length, "task")} and ${plural(seeds.length, "seed")}, with ${
    formatConfidence(level)
  } intervals and Holm's correction.`;
}
