import {
  type Comparison,
  type Difference,
  type VerdictKind,
  verdictOf,
  type VerdictOptions,
} from "../../../lib/experiment/statistics/mod.ts";
import { powerSentence } from "../../../lib/experiment/statistics/findings.ts";
import { formatConfidence, marginText } from "../../../lib/experiment/statistics/points.ts";
import { moreWork, rangeOf, verdictSentence } from "../../../lib/experiment/statistics/say_verdict.ts";
import { plural } from "../../../lib/text/plural.ts";

/** A method, and what it is held against. */
export interface Held {
  readonly method: string;
  readonly against: string;
  readonly difference?: Difference;
  /** Learning rates of both, where they are not the same. */
  readonly rates?: readonly [own: number, against: number];
}

/** How studies print points. */
export const POINTS = { scale: 100, digits: 1 } as const;

/** Whether anything is said of a single comparison: a verdict of higher or lower. */
export function showsSomething(held: readonly Held[], options: VerdictOptions): boolean {
  return held.some(({ difference }) => ["higher", "lower"].includes(verdictOf(difference, options).kind));
}

/** Where differences lie, and how large their intervals let them be. */
function spread(held: readonly Held[], { level, inner = false }: { readonly level: number; readonly inner?: boolean }) {
  const differences = held.map(({ difference }) => difference!);
  const ends = differences.flatMap((one) => (inner ? one.inner : one.interval) ?? []);
  const [one, several] = held.length === 1 ? ["difference", "interval"] : ["differences", "intervals within"];
  const means = `mean ${one} ${rangeOf(differences.map(({ mean }) => mean), POINTS)} points`;
  if (ends.length === 0) return means;
  return `${means}, ${formatConfidence(inner ? 2 * level : level)} ${several} ${rangeOf(ends, POINTS)}`;
}

/** Comparisons as sentences name them: methods by what they are held against. */
function named(held: readonly Held[]): string {
  const groups = Map.groupBy(held, ({ against }) => against);
  return Array.from(groups, ([against, own]) => `${own.map(({ method }) => method).join(", ")} against ${against}`)
    .join("; ");
}

/** What undecided comparisons would need. */
function needs(held: readonly Held[], { margin }: VerdictOptions): string {
  const longest = held.flatMap(({ difference }) => difference?.needed === undefined ? [] : [difference])
    .sort((a, b) => b.needed! - a.needed!)[0];
  if (!longest) return "";
  const more = moreWork(longest);
  const pairs = `${held.length === 1 ? "about" : "up to"} ${plural(longest.needed!, "pair")}`;
  return ` Whether within ${marginText(margin, POINTS)} would take ${pairs}${
    more === undefined ? ", which there are" : ` (${more}, of each)`
  }.`;
}

/** Options of {@linkcode plainFindings}. */
export interface PlainFindingsOptions extends VerdictOptions {
  /** What the comparisons are called: `comparisons with lora`. */
  readonly what: string;
}

/** How many comparisons have which verdict. */
function tally(held: readonly Held[], { what, ...options }: PlainFindingsOptions): string {
  const words: Readonly<Record<VerdictKind, string>> = {
    higher: "higher",
    lower: "lower",
    equivalent: `equivalent within ${marginText(options.margin, POINTS)}`,
    undecided: "undecided",
  };
  const groups = Map.groupBy(held, ({ difference }) => verdictOf(difference, options).kind);
  const kinds: readonly VerdictKind[] = ["higher", "lower", "equivalent", "undecided"];
  const counts = kinds.flatMap((kind) => groups.has(kind) ? [`${groups.get(kind)!.length} ${words[kind]}`] : []);
  return `Of ${held.length} ${what}: ${counts.join(", ")}.`;
}

/**
 * What comparisons of one family show by the one rule, in plain sentences from their numbers alone: each that is higher
 * or lower by itself, those that are equivalent and those that are undecided together, with how large their intervals
 * let them be, what the undecided ones would need, and what so many pairs can find.
 */
export function plainFindings(held: readonly Held[], options: PlainFindingsOptions): string {
  const { level, margin } = options;
  const words = { ...POINTS, level, margin };
  const there = held.filter(({ difference }) => difference);
  const of = (...kinds: readonly VerdictKind[]) =>
    there.filter(({ difference }) => kinds.includes(verdictOf(difference, options).kind));
  const alike = of("equivalent");
  const [few, open] = [true, false].map((wanted) =>
    of("undecided").filter(({ difference }) => difference!.tooFew === wanted)
  );
  const missing = held.filter(({ difference }) => !difference);
  const left = held.flatMap(({ method, difference }) => difference?.leftOut ? [`${method} ${difference.leftOut}`] : []);
  const power = powerSentence(there.map(({ difference }) => difference), words);
  const apart = of("higher", "lower").map((one) => {
    const note = one.rates ? `, at learning rates of ${one.rates[0]} and ${one.rates[1]}` : "";
    return `${verdictSentence({ ...one, note }, words)}.`;
  });
  const sentences = [
    ...there.length > 1 ? [tally(there, options)] : [],
    ...apart,
    ...alike.length > 0
      ? [`Equivalent within ${marginText(margin, POINTS)}: ${named(alike)} (${spread(alike, { level, inner: true })}).`]
      : [],
    ...open.length > 0 ? [`Undecided: ${named(open)} (${spread(open, { level })}).${needs(open, options)}`] : [],
    ...few.length > 0
      ? [
        `Undecided, as so few pairs cannot reach the level: ${named(few)} (${spread(few, { level })}).${
          needs(few, options)
        }`,
      ]
      : [],
    ...power === undefined ? [] : [power],
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
