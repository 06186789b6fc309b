import { sizeOf } from "../tensor/shape.ts";
import type { Cluster } from "./fuse.ts";
import type { Operand } from "./graph.ts";
import type { Plan, Step } from "./plan.ts";

/** Bytes that a dispatch moves, as its plan tells: each element that it needs counts once, however often it is read. */
export interface Traffic {
  readonly read: number;
  readonly written: number;
}

/** What work reads, and how many elements of it. */
interface Reading {
  readonly node: Operand["node"];
  readonly elements: number;
}

/**
 * A slice needs less than its tensor, and a tensor that repeats no more; of a table in which rows are looked up it is at
 * most as much as is found.
 */
function readingsOf({ nodes }: Cluster): Reading[] {
  return nodes.flatMap(({ primitive, inputs, size }) =>
    inputs.map(({ node, view }, i) => {
      const wanted = primitive?.name === "embedding" && i === 0 ? size : sizeOf(view.shape);
      return { node, elements: Math.min(node.size, wanted) };
    })
  );
}

/** Bytes of what a step finds or leaves in one of its buffers, all of it. */
function bytesAt(plan: Plan, step: Step, binding: number): number {
  const buffer = step.buffers[binding];
  const content = step.contents[binding];
  if (buffer === "scalars") return 4 * plan.scalars;
  if ("leaf" in buffer) return 4 * plan.leaves[buffer.leaf].size;
  if ("texture" in buffer) return 4 * plan.leaves[buffer.texture].size;
  if ("arena" in buffer) return plan.arenas[buffer.arena].bytes;
  if (buffer.range) return buffer.range.bytes;
  if (!content) return plan.slots[buffer.slot];
  return "offsets" in content ? content.bytes : 4 * content.size;
}

/** Bytes that one dispatch of a plan moves. */
export function trafficOf(plan: Plan, step: Step): Traffic {
  const cluster = plan.clusters[step.cluster];
  const readings = readingsOf(cluster);
  let read = 0;
  let written = 0;
  step.buffers.forEach((buffer, i) => {
    const bytes = bytesAt(plan, step, i);
    const content = step.contents[i];
    const own = readings.filter(({ node }) => {
      if (buffer === "scalars") return false;
      if ("leaf" in buffer) return node.leaf === plan.leaves[buffer.leaf];
      if ("arena" in buffer) return content !== undefined && "offsets" in content && content.offsets.has(node);
      return node === content;
    });
    const access = step.kernel.bindings[i];
    if (access === "read" || access === "texture") {
      read += own.length === 0 ? bytes : Math.min(bytes, 4 * Math.max(...own.map(({ elements }) => elements)));
    } else {
      written += bytes;
      // What was donated is read where its next contents are made of it.
      if (own.length > 0) read += bytes;
    }
  });
  // A placement writes one box of its result at a time: as much as it reads.
  return { read, written: cluster.kind === "place" && read > 0 ? Math.min(read, written) : written };
}

/** All dispatches together. */
export function totalTraffic(traffic: readonly Traffic[]): Traffic {
  const sum = (of: (one: Traffic) => number) => traffic.reduce((total, one) => total + of(one), 0);
  return { read: sum(({ read }) => read), written: sum(({ written }) => written) };
}
