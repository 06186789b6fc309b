import { isWritten } from "../../../kernels/kernel.ts";
import type { TextureSize } from "../../../kernels/target.ts";
import { storedBytes } from "../../tensor/dtype.ts";
import { sizeOf } from "../../tensor/shape.ts";
import type { Cluster } from "../fuse/cluster.ts";
import type { Operand } from "../graph/graph.ts";
import type { Plan, Step } from "../plan/plan.ts";

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

/** Bytes of a texture of four f32 a texel. */
const packedBytes = ([width, height]: TextureSize) => 16 * width * height;

/** Bytes of what a step finds or leaves in one of its buffers, all of it. */
function bytesAt(plan: Plan, step: Step, binding: number): number {
  const buffer = step.buffers[binding];
  const content = step.contents[binding];
  if (buffer === "scalars") return 4 * plan.scalars;
  if ("leaf" in buffer) return storedBytes(plan.leaves[buffer.leaf]);
  if ("texture" in buffer) return storedBytes(plan.leaves[buffer.texture]);
  if ("packed" in buffer) return packedBytes(plan.packed[buffer.packed]);
  if ("arena" in buffer) return plan.arenas[buffer.arena].bytes;
  if (buffer.range) return buffer.range.bytes;
  if (!content) return plan.slots[buffer.slot];
  return "offsets" in content ? content.bytes : storedBytes(content);
}

/** Bytes that one dispatch of a plan moves. */
export function trafficOf(plan: Plan, step: Step): Traffic {
  if (step.rowBytes !== undefined) return { read: step.rowBytes, written: step.rowBytes };
  const cluster = plan.clusters[step.cluster];
  const readings = readingsOf(cluster);
  let read = 0;
  let written = 0;
  step.buffers.forEach((buffer, i) => {
    const bytes = bytesAt(plan, step, i);
    const content = step.contents[i];
    const arena = content && "offsets" in content ? content : undefined;
    const own = readings.filter(({ node }) => {
      if (buffer === "scalars") return false;
      if (arena) return arena.offsets.has(node);
      // What a turn of a loop takes has a stand-in's name.
      return node === content || "leaf" in buffer && node.leaf === plan.leaves[buffer.leaf];
    });
    if (!isWritten(step.kernel.bindings[i])) {
      // Of one tensor the most that is read; of several side by side all of them.
      const wanted = new Map<Operand["node"], number>();
      for (const { node, elements } of own) wanted.set(node, Math.max(wanted.get(node) ?? 0, elements));
      const total = Array.from(wanted, ([{ dtype }, size]) => storedBytes({ dtype, size })).reduce((a, b) => a + b, 0);
      read += own.length === 0 ? bytes : Math.min(bytes, total);
    } else {
      // Of an arena, a piece may be written.
      const made = cluster.outputs.filter((node) => arena?.offsets.has(node))
        .reduce((sum, node) => sum + storedBytes(node), 0);
      written += made > 0 ? Math.min(bytes, made) : bytes;
      // What was donated is read where its next contents are made of it.
      if (own.length > 0) read += bytes;
    }
  });
  // A placement writes one box of its result at a time: as much as it reads.
  return { read, written: cluster.kind === "place" && read > 0 ? Math.min(read, written) : written };
}
