import { isWritten } from "../../../kernels/kernel.ts";
import type { BufferName, Plan, Step } from "../plan/plan.ts";
import { countRuns } from "../plan/repeat.ts";
import { trafficOf } from "./traffic.ts";

/** One dispatch of a jitted function, as its plan has it. */
export interface DispatchSummary {
  /** Name of the kernel, which says its variant: `matmul_nn_16x64_then_add`. */
  readonly kernel: string;
  /** Numbers of workgroups along x, y and z. */
  readonly grid: readonly [number, number, number];
  /** How often it runs: more than once in a loop. */
  readonly runs: number;
  /** Multiplications and additions of a product or a factorization, in all runs; 0 for everything else. */
  readonly operations: number;
  /** Bytes that it reads in all runs: each element that a run needs once. */
  readonly bytesRead: number;
  /** Bytes that it writes in all runs, each element of a run once. */
  readonly bytesWritten: number;
  /** Names of the operations that were fused into it, in order. */
  readonly fused: readonly string[];
  /** How many equal pieces of work it does side by side; 1 where nothing was joined. */
  readonly joined: number;
  /**
   * Buffers that it reads: `in0` is a leaf (an argument or a captured tensor), `m0` a buffer of the plan's own, `a0` several
   * leaves side by side, `t0` a leaf's copy as a texture, `p0` a texture into which an operand is packed, `scalars` the
   * buffer of single numbers.
   */
  readonly reads: readonly string[];
  /** Buffers that it writes, named as in `reads`. */
  readonly writes: readonly string[];
}

/** What a jitted function runs for one signature of shapes, dtypes and static values. */
export interface PlanSummary {
  /** The function's name, empty where it has none. */
  readonly name: string;
  /** What it runs, in order. */
  readonly dispatches: readonly DispatchSummary[];
  /** How many buffers of its own it has. */
  readonly ownBuffers: number;
  /** Bytes of these buffers. */
  readonly ownBytes: number;
  /** How many results are written over donated arguments. */
  readonly inPlace: number;
  /** How many results are copied into the memory of donated arguments at the end. */
  readonly copiedBack: number;
}

function bufferName(buffer: BufferName): string {
  if (buffer === "scalars") return buffer;
  if ("texture" in buffer) return `t${buffer.texture}`;
  if ("packed" in buffer) return `p${buffer.packed}`;
  if ("leaf" in buffer) return `in${buffer.leaf}`;
  if ("arena" in buffer) return `a${buffer.arena}`;
  return `m${buffer.slot}`;
}

function summarizeStep(plan: Plan, step: Step, runs: number): DispatchSummary {
  const { kernel: { name, bindings }, grid, operations, buffers } = step;
  const cluster = plan.clusters[step.cluster];
  const parts = cluster.parts ?? cluster.products;
  const { read, written } = trafficOf(plan, step);
  const named = (wanted: boolean) => buffers.filter((_, i) => isWritten(bindings[i]) === wanted).map(bufferName);
  return {
    kernel: name,
    grid,
    runs,
    operations: runs * operations,
    bytesRead: runs * read,
    bytesWritten: runs * written,
    fused: (parts?.[0].nodes ?? cluster.nodes).map(({ primitive }) => primitive!.name),
    joined: parts?.length ?? 1,
    reads: named(false),
    writes: named(true),
  };
}

/** A plan as data: what it runs, and the memory of its own. */
export function summarizePlan(plan: Plan, name: string): PlanSummary {
  const { steps, slots, results } = plan;
  const runs = countRuns(plan);
  const count = (kind: string) => results.filter((place) => place.kind === kind).length;
  return {
    name,
    dispatches: steps.map((step, i) => summarizeStep(plan, step, runs[i])),
    ownBuffers: slots.length,
    ownBytes: slots.reduce((sum, size) => sum + size, 0),
    inPlace: count("donated"),
    copiedBack: count("copied"),
  };
}
