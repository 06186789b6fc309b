import { formatBytes } from "./format_bytes.ts";
import type { DispatchSummary, PlanSummary } from "./plan_summary.ts";
import { atBest, atBestTogether, type Roofline } from "./roofline.ts";
import { mebibytes } from "../../text/mebibytes.ts";

/** Plans of more dispatches are shown kernel by kernel. */
const LONG = 64;

/** Options of a jitted function's `explain()`. */
export interface ExplainOptions {
  /**
   * How much is listed below the sums: nothing, a line for each kernel, or one for each dispatch; by default each dispatch
   * of plans up to 64 of them, and each kernel of longer ones.
   */
  readonly detail?: "sums" | "kernels" | "dispatches";
  /**
   * What the device does at best, as `deno task profile` measures it: the least time of the plan is said beside its
   * sums.
   */
  readonly roofline?: Roofline;
}

function products(operations: number): string {
  return operations === 0 ? "–" : `${(operations / 1e6).toFixed(operations < 1e8 ? 2 : 0)} MFLOP`;
}

const bytesOf = ({ bytesRead, bytesWritten }: DispatchSummary) => bytesRead + bytesWritten;

/** The operations that were fused, in order; equal ones once, with their number. */
function describeFused({ fused, joined, runs }: DispatchSummary): string {
  const counts = new Map<string, number>();
  for (const name of fused) counts.set(name, (counts.get(name) ?? 0) + 1);
  const names = Array.from(counts, ([name, count]) => count > 1 ? `${name} ×${count}` : name).join(", ");
  return names + (joined > 1 ? `; of ${joined} at once` : "") + (runs > 1 ? `; ${runs} times` : "");
}

/** Rows with their columns under each other, those of numbers to the right. */
function align(rows: readonly (readonly string[])[], right: readonly number[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((cell, i) => right.includes(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])).join("  ").trimEnd()
  );
}

/** A line for each dispatch: number, kernel, grid, work, what it moves, buffers, what was fused. */
function listDispatches(dispatches: readonly DispatchSummary[]): string[] {
  return align(
    dispatches.map((one, i) => [
      String(i).padStart(4),
      one.kernel,
      `[${one.grid.join("×")}]`,
      products(one.operations),
      formatBytes(bytesOf(one)),
      `${one.reads.join(" ")} → ${one.writes.join(" ")}`.trim(),
      describeFused(one),
    ]),
    [3, 4],
  );
}

/** A line for each kernel: how many dispatches, kernel, work, what they move, what was fused. */
function listKernels(dispatches: readonly DispatchSummary[]): string[] {
  const rows = Array.from(Map.groupBy(dispatches, ({ kernel }) => kernel), ([kernel, own]) => {
    const fused = new Set(own.map(describeFused));
    return [
      String(own.length).padStart(4),
      kernel,
      products(own.reduce((sum, { operations }) => sum + operations, 0)),
      formatBytes(own.reduce((sum, one) => sum + bytesOf(one), 0)),
      fused.size === 1 ? [...fused][0] : "several",
    ];
  });
  return align(rows, [2, 3]);
}

/** What the device would take at best, where that is known. */
function describeBest(dispatches: readonly DispatchSummary[], roofline: Roofline): string {
  const { gflopsPerSecond, gigabytesPerSecond } = roofline;
  const best = dispatches.map((one) => atBest({ ...one, bytes: bytesOf(one) }, roofline));
  const { seconds, by } = atBestTogether(best);
  const ms = (value: number) => `${(1000 * value).toFixed(2)} ms`;
  const parts = Object.entries(by).filter(([, value]) => value > 0).map(([name, value]) => `${ms(value)} by ${name}`);
  return `at ${gflopsPerSecond.toFixed(1)} GFLOP/s and ${gigabytesPerSecond.toFixed(1)} GB/s no less than ` +
    `${ms(seconds)}, bound ${parts.join(", ")}`;
}

/** A plan in words: what it takes altogether, and each dispatch or, of a long one, each kernel. */
export function explainPlan(plan: PlanSummary, options: ExplainOptions = {}): string {
  const { name, dispatches, ownBuffers, ownBytes, inPlace, copiedBack } = plan;
  const { detail = dispatches.length <= LONG ? "dispatches" : "kernels", roofline } = options;
  const sum = (of: (one: DispatchSummary) => number) => dispatches.reduce((total, one) => total + of(one), 0);
  const [read, written] = [sum(({ bytesRead }) => bytesRead), sum(({ bytesWritten }) => bytesWritten)];
  const operations = sum((one) => one.operations);
  const isEmpty = dispatches.length === 0;
  return [
    `${name ? `${name}: ` : ""}${dispatches.length} dispatches, ${(operations / 1e6).toFixed(2)} MFLOP in products, ` +
    `${formatBytes(read)} read, ${formatBytes(written)} written` +
    (read + written > 0 ? `, ${(operations / (read + written)).toFixed(1)} FLOP a byte` : ""),
    ...roofline && !isEmpty ? [describeBest(dispatches, roofline)] : [],
    `${ownBuffers} buffers of its own (${
      mebibytes(ownBytes, 2)
    }), ${inPlace} results in place, ${copiedBack} copied back`,
    ...isEmpty || detail === "sums"
      ? []
      : detail === "dispatches"
      ? listDispatches(dispatches)
      : listKernels(dispatches),
  ].join("\n");
}
