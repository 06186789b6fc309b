import type { Node } from "../graph/graph.ts";
import type { MemoryPlace } from "../lower/spread.ts";

/** Tensors that lie side by side in one buffer, so that one dispatch works on all of them. */
export interface Arena {
  readonly bytes: number;
  /** First byte of each; in the order in which they lie. */
  readonly offsets: ReadonlyMap<Node, number>;
  /** Whether they are donated leaves, whose memory the caller brings; the others are temporary. */
  readonly isOfLeaves: boolean;
}

/** Where a buffer of a node's own, or a donated leaf's, is: in an arena, or alone. */
export function placeIn(arenaOf: ReadonlyMap<Node, Arena>, owner: Node): MemoryPlace {
  const arena = arenaOf.get(owner);
  return { memory: arena ?? owner, first: (arena?.offsets.get(owner) ?? 0) / 4 };
}
