import { duration } from "../../terminal/duration.ts";
import { type Estimates, totalOf } from "./estimate.ts";
import { planTable } from "./plan_table.ts";

/** How long runs will take all together, in a line: at most so long where several are under way at once. */
export function timeLine(seconds: Iterable<number>, atOnce = 1): string {
  const total = duration(totalOf(seconds));
  return `time: ${atOnce > 1 ? `up to ${total}, ${atOnce} runs at once` : `about ${total}`}`;
}

/** Estimates as people read them: time and what it rests on, a table, and notes. */
export function planText(
  { runs, basis }: Estimates,
  { atOnce, work = "", notes }: {
    readonly atOnce?: number;
    readonly work?: string;
    readonly notes: readonly string[];
  },
): string {
  const time = timeLine(runs.values().map(({ seconds }) => seconds), atOnce);
  return [`${time}${work}\n      ${basis}`, planTable(runs), ...notes].join("\n\n");
}

/** Estimates as programs read them. */
export function planDocument({ runs, basis }: Partial<Estimates>) {
  return { basis, plan: Array.from(runs ?? [], ([spec, estimate]) => ({ spec, ...estimate })) };
}
