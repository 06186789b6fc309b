import type { Draft } from "./draft.ts";
import type { Beside, Cells, Segment, Transform } from "./program.ts";

/** How a function is computed for several cells. Numbers that are none spread over derivatives: then they are rare. */
export function drawCells(draft: Draft, derives: boolean): Cells {
  const count = draft.one([1, 2, 2, 3]);
  const kinds: readonly Beside[] = ["equal", "flipped", "flipped", "scaled"];
  const beside = () => draft.chance(derives ? 0.03 : 0.2) ? "NaN" : draft.one(kinds);
  return {
    count,
    cell: draft.numbers.below(count),
    axes: Array.from({ length: draft.between(1, 3) }, () => draft.chance(0.3) ? null : draft.between(-3, 3)),
    beside: Array.from({ length: draft.between(1, 3) }, beside),
    out: draft.chance(0.7) ? 0 : -1,
    ...draft.chance(0.3) && { shows: true },
  };
}

/** A transform, perhaps with another one inside. */
function drawTransform(draft: Draft, derives: boolean, depth = 0): Transform {
  const kind = draft.one(["checkpoint", "customVjp", "vmap", "vmap"] as const);
  const inside = depth < 2 && draft.chance(0.25) ? { inside: drawTransform(draft, derives, depth + 1) } : {};
  if (kind !== "vmap") return { kind, ...inside };
  const { shows, ...cells } = drawCells(draft, derives);
  return { kind, ...cells, ...shows && depth === 0 && { shows }, ...inside };
}

/** Nodes that are computed inside of transforms. */
export function drawSegment(draft: Draft, derives: boolean): Segment | undefined {
  const count = draft.nodes.length;
  if (count === 0 || !draft.chance(0.4)) return undefined;
  const from = draft.numbers.below(count);
  return { ...drawTransform(draft, derives), from, to: draft.between(from + 1, count) };
}
