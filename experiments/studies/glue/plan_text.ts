import type { SharedOut } from "../../runner/share_out.ts";
import { duration } from "../../../lib/text/duration.ts";
import { type Estimates, totalOf } from "./estimate.ts";
import { planTable } from "./plan_table.ts";

/** How long runs will take all together, in a line: at most so long where several are under way at once. */
export function timeLine(
  seconds: Iterable<number>,
  { parallel, cells }: SharedOut = { parallel: 1, cells: 1 },
): string {
  const total = duration(totalOf(seconds));
  if (parallel * cells === 1) return `time: about ${total}`;
  const group = cells === 1 ? "runs" : `programs of up to ${cells} runs`;
  const how = parallel === 1 ? `up to ${cells} runs in one program` : `${parallel} ${group} at once`;
  return `time: up to ${total}, ${how}`;
}

/** Estimates as people read them: time and what it rests on, a table, and notes. */
export function planText(
  { runs, basis }: Estimates,
  { engine, work = "", notes }: {
    readonly engine?: SharedOut;
    readonly work?: string;
    readonly notes: readonly string[];
  },
): string {
  const time = timeLine(runs.values().map(({ seconds }) => seconds), engine);
  return [`${time}${work}\n      ${basis}`, planTable(runs), ...notes].join("\n\n");
}

/** Estimates as programs read them. */
export function planDocument({ runs, basis }: Partial<Estimates>) {
  return { basis, plan: Array.from(runs ?? [], ([spec, estimate]) => ({ spec, ...estimate })) };
}
