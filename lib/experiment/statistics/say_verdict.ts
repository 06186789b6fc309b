import { duration } from "../../text/duration.ts";
import { plural } from "../../text/plural.ts";
import type { Difference } from "./compare_pairs.ts";
import { formatConfidence, formatP, formatPoints, marginText } from "./points.ts";
import { verdictOf, type VerdictOptions } from "./verdict.ts";

/** What words of a difference go by. */
export interface WordOptions extends VerdictOptions {
  /** What scores are multiplied by. */
  readonly scale: number;
  /** Digits after the point. */
  readonly digits: number;
}

/** The smallest and the largest of some values, or the one that all are, with their sign. */
export function rangeOf(values: readonly number[], { scale, digits }: Pick<WordOptions, "scale" | "digits">): string {
  const [least, most] = [Math.min(...values), Math.max(...values)]
    .map((value) => formatPoints(scale * value, { digits, isSigned: true }));
  return least === most ? least : `${least} … ${most}`;
}

/** A verdict in a word or two, for tables: `higher, by less than 2 points`. */
export function verdictWords(difference: Difference | undefined, options: VerdictOptions & { scale: number }): string {
  if (!difference) return "–";
  const { kind, isWithin } = verdictOf(difference, options);
  const within = marginText(options.margin, options);
  if (kind === "equivalent") return `equivalent within ${within}`;
  if (kind === "undecided") return difference.tooFew ? "undecided: too few pairs" : kind;
  return isWithin ? `${kind}, by less than ${within}` : kind;
}

/** What a difference rests on, in brackets. */
function basisOf(difference: Difference, options: WordOptions): string {
  const { interval, inner, pairs, adjustedP, leftOut, tooFew } = difference;
  const { kind } = verdictOf(difference, options);
  const p = formatP(adjustedP);
  const of = (confidence: string, [low, high]: readonly [number, number]) =>
    `${confidence} interval ${rangeOf([low], options)} … ${rangeOf([high], options)}`;
  return [
    ...interval ? [of(formatConfidence(options.level), interval)] : ["no interval"],
    ...inner && (kind === "equivalent" || kind === "undecided") ? [of(formatConfidence(2 * options.level), inner)] : [],
    leftOut > 0 ? `${pairs} of ${pairs + leftOut} pairs` : plural(pairs, "pair"),
    ...tooFew ? [] : [`Holm's p ${p.startsWith("<") ? p : `= ${p}`}`],
  ].join(", ");
}

/** What more pairs would take: `31 pairs more, about 12 min 05 s`. */
export function moreWork({ needed, pairs, secondsOfPair }: Difference): string | undefined {
  if (needed === undefined || needed <= pairs) return undefined;
  const more = needed - pairs;
  return `${plural(more, "pair")} more` +
    (secondsOfPair === undefined ? "" : `, about ${duration(more * secondsOfPair)}`);
}

/** Why so few pairs decide nothing, and how many can. */
export function tooFewWords({ pairs, family }: Difference, level: number): string {
  // Of n pairs the smallest p is 2/2ⁿ, which Holm's correction multiplies by no more than the number of comparisons.
  const enough = Math.ceil(Math.log2(2 * family / level));
  const among = family > 1 ? ` among ${family} comparisons` : "";
  return `${plural(pairs, "pair")} cannot reach the level ${level}${among}, as ${enough} can`;
}

/** What an undecided difference would need, or why pairs alone do not help. */
function outlookOf(difference: Difference, options: WordOptions): string {
  const { needed, tooFew, interval } = difference;
  const within = marginText(options.margin, options);
  if (!interval || needed === undefined) return "a task has a single pair, so its spread is unknown";
  const more = moreWork(difference);
  const rest = more === undefined
    ? `so many would show that they are equivalent within ${within}, were there no difference`
    : `about ${plural(needed, "pair")} would show whether they are equivalent within ${within}: ${more}`;
  if (!tooFew) return rest;
  return more === undefined
    ? tooFewWords(difference, options.level)
    : `${tooFewWords(difference, options.level)}, and ${rest}`;
}

/** A verdict on a method as a sentence without its full stop, with what it rests on and what so many pairs can find. */
export function verdictSentence(
  { method, against, difference, note = "" }: {
    readonly method: string;
    readonly against: string;
    readonly difference?: Difference;
    /** What is said in the brackets, too. */
    readonly note?: string;
  },
  options: WordOptions,
): string {
  if (!difference) return `${method} and ${against} share no pair of runs: nothing can be said of them`;
  const { scale, digits, margin } = options;
  const { kind, isWithin } = verdictOf(difference, options);
  const unit = scale === 100 ? " points" : "";
  const within = marginText(margin, options);
  const basis = `${basisOf(difference, options)}${note}`;
  const average = `mean difference ${rangeOf([difference.mean], options)}${unit}`;
  if (kind === "equivalent") return `${method} and ${against} are equivalent within ${within} (${average}, ${basis})`;
  if (kind === "undecided") {
    return `${method} against ${against} is undecided (${average}, ${basis}): ${outlookOf(difference, options)}`;
  }
  const size = formatPoints(scale * Math.abs(difference.mean), { digits });
  return `${method} scored ${kind} than ${against} by ${size}${unit}${
    isWithin ? `, which is less than ${within}` : ""
  } (${basis})`;
}
