import { isWritten } from "../../../kernels/kernel.ts";
import type { Cluster } from "../fuse/cluster.ts";
import type { BufferName, Plan, Step } from "../plan/plan.ts";
import { formatBytes, mebibytes } from "./format_bytes.ts";
import { atBest, atBestTogether, type Roofline } from "./roofline.ts";
import { totalTraffic, type Traffic, trafficOf } from "./traffic.ts";

/** Plans of more dispatches are shown kernel by kernel. */
const LONG = 64;

/** Options of `explain()`. */
export interface ExplainOptions {
  /** Lists each dispatch of a long plan, too; by default, those of equal kernels share a line there. */
  readonly each?: boolean;
  /** What the device does at best, as `deno task profile` measures it: the plan is held against it. */
  readonly roofline?: Roofline;
}

function products(operations: number): string {
  return operations === 0 ? "–" : `${(operations / 1e6).toFixed(operations < 1e8 ? 2 : 0)} MFLOP`;
}

function bufferName(buffer: BufferName): string {
  if (buffer === "scalars") return buffer;
  if ("texture" in buffer) return `t${buffer.texture}`;
  if ("packed" in buffer) return `p${buffer.packed}`;
  if ("leaf" in buffer) return `in${buffer.leaf}`;
  if ("arena" in buffer) return `a${buffer.arena}`;
  return `m${buffer.slot}`;
}

/** `in0 in1 → m4`: what a dispatch reads, and what it writes. */
function describeBuffers({ kernel, buffers }: Step): string {
  const names = (wanted: boolean) =>
    buffers.filter((_, i) => isWritten(kernel.bindings[i]) === wanted).map(bufferName).join(" ");
  return `${names(false)} → ${names(true)}`.trim();
}

/** The operations that were fused, in order; equal ones once, with their number. */
function describeFused(cluster: Cluster): string {
  const parts = cluster.parts ?? cluster.products;
  const counts = new Map<string, number>();
  for (const { primitive } of parts?.[0].nodes ?? cluster.nodes) {
    counts.set(primitive!.name, (counts.get(primitive!.name) ?? 0) + 1);
  }
  const names = Array.from(counts, ([name, count]) => count > 1 ? `${name} ×${count}` : name).join(", ");
  return parts ? `${names}; of ${parts.length} at once` : names;
}

/** Rows with their columns under each other, those of numbers to the right. */
function align(rows: readonly (readonly string[])[], right: readonly number[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((cell, i) => right.includes(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])).join("  ").trimEnd()
  );
}

/** A line for each dispatch: number, kernel, grid, work, what it moves, buffers, what was fused. */
function listSteps({ steps, clusters }: Plan, traffic: readonly Traffic[]): string[] {
  return align(
    steps.map((step, i) => [
      String(i).padStart(4),
      step.kernel.name,
      `[${step.grid.join("×")}]`,
      products(step.operations),
      formatBytes(traffic[i].read + traffic[i].written),
      describeBuffers(step),
      describeFused(clusters[step.cluster]),
    ]),
    [3, 4],
  );
}

/** A line for each kernel: how many dispatches, kernel, work, what they move, what was fused. */
function listKernels({ steps, clusters }: Plan, traffic: readonly Traffic[]): string[] {
  const groups = new Map<string, { count: number; operations: number; bytes: number; fused: string }>();
  steps.forEach(({ kernel, operations, cluster }, i) => {
    const fused = describeFused(clusters[cluster]);
    const group = groups.get(kernel.name) ?? { count: 0, operations: 0, bytes: 0, fused };
    groups.set(kernel.name, {
      count: group.count + 1,
      operations: group.operations + operations,
      bytes: group.bytes + traffic[i].read + traffic[i].written,
      fused: group.fused === fused ? fused : "several",
    });
  });
  return align(
    Array.from(groups, ([kernel, { count, operations, bytes, fused }]) => [
      String(count).padStart(4),
      kernel,
      products(operations),
      formatBytes(bytes),
      fused,
    ]),
    [2, 3],
  );
}

/** What the device would take at best, where that is known. */
function describeBest({ steps }: Plan, traffic: readonly Traffic[], roofline: Roofline): string {
  const { gflopsPerSecond, gigabytesPerSecond } = roofline;
  const best = steps.map(({ operations }, i) =>
    atBest({ operations, bytes: traffic[i].read + traffic[i].written }, roofline)
  );
  const { seconds, by } = atBestTogether(best);
  const ms = (value: number) => `${(1000 * value).toFixed(2)} ms`;
  const parts = Object.entries(by).filter(([, value]) => value > 0).map(([name, value]) => `${ms(value)} by ${name}`);
  return `at ${gflopsPerSecond.toFixed(1)} GFLOP/s and ${gigabytesPerSecond.toFixed(1)} GB/s no less than ` +
    `${ms(seconds)}, bound ${parts.join(", ")}`;
}

/** A plan in words: what it takes altogether, and each dispatch or, of a long one, each kernel. */
export function explainPlan(plan: Plan, options: ExplainOptions & { readonly name?: string } = {}): string {
  const { steps, slots, results } = plan;
  const { name, each = steps.length <= LONG, roofline } = options;
  const traffic = steps.map((step) => trafficOf(plan, step));
  const { read, written } = totalTraffic(traffic);
  const operations = steps.reduce((sum, step) => sum + step.operations, 0);
  const count = (kind: string) => results.filter((place) => place.kind === kind).length;
  const own = slots.reduce((sum, size) => sum + size, 0);
  return [
    `${name ? `${name}: ` : ""}${steps.length} dispatches, ${(operations / 1e6).toFixed(2)} MFLOP in products, ` +
    `${formatBytes(read)} read, ${formatBytes(written)} written` +
    (read + written > 0 ? `, ${(operations / (read + written)).toFixed(1)} FLOP a byte` : ""),
    ...roofline && steps.length > 0 ? [describeBest(plan, traffic, roofline)] : [],
    `${slots.length} buffers of its own (${mebibytes(own)}), ${count("donated")} results in place, ` +
    `${count("copied")} copied back`,
    ...steps.length === 0 ? [] : each ? listSteps(plan, traffic) : listKernels(plan, traffic),
  ].join("\n");
}
