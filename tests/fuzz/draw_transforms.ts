import type { Draft } from "./draft.ts";
import type { Beside, Cells, Handed, Segment, Transform, Turns } from "./program.ts";

/** What inputs are in other cells or turns. Numbers that are none spread over derivatives: then they are rare. */
function drawBeside(draft: Draft, derives: boolean): Beside[] {
  const kinds: readonly Beside[] = ["equal", "flipped", "flipped", "scaled"];
  const one = () => draft.chance(derives ? 0.03 : 0.2) ? "NaN" : draft.one(kinds);
  return Array.from({ length: draft.between(1, 3) }, one);
}

/** How a function is computed for several cells. */
export function drawCells(draft: Draft, derives: boolean): Cells {
  const count = draft.one([1, 2, 2, 3]);
  return {
    count,
    cell: draft.numbers.below(count),
    axes: Array.from({ length: draft.between(1, 3) }, () => draft.chance(0.3) ? null : draft.between(-3, 3)),
    beside: drawBeside(draft, derives),
    out: draft.chance(0.7) ? 0 : -1,
    ...draft.chance(0.3) && { shows: true },
  };
}

/** How a function is computed turn after turn: NaN in one turn would be carried into all that follow. */
function drawTurns(draft: Draft): Turns {
  const count = draft.one([1, 2, 2, 3, 4]);
  const handed: readonly Handed[] = ["row", "row", "row", "shared", "kept", "flipped", "moved", "moved", "exchanged"];
  return {
    count,
    turn: draft.numbers.below(count),
    reverse: draft.chance(0.4),
    inputs: Array.from({ length: draft.between(1, 4) }, () => draft.one(handed)),
    beside: drawBeside(draft, true),
    ...draft.chance(0.3) && { saysLength: true },
    ...draft.chance(0.4) && { shows: true },
  };
}

/** A transform, perhaps with another one inside. */
function drawTransform(draft: Draft, derives: boolean, depth = 0): Transform {
  const kind = draft.one(["checkpoint", "customVjp", "vmap", "vmap", "scan", "scan"] as const);
  const inside = depth < 2 && draft.chance(0.25) ? { inside: drawTransform(draft, derives, depth + 1) } : {};
  if (kind === "checkpoint" || kind === "customVjp") return { kind, ...inside };
  const { shows, ...drawn } = kind === "vmap" ? { kind, ...drawCells(draft, derives) } : { kind, ...drawTurns(draft) };
  return { ...drawn, ...shows && depth === 0 && { shows }, ...inside };
}

/** Nodes that are computed inside of transforms. */
export function drawSegment(draft: Draft, derives: boolean): Segment | undefined {
  const count = draft.nodes.length;
  if (count === 0 || !draft.chance(0.4)) return undefined;
  const from = draft.numbers.below(count);
  return { ...drawTransform(draft, derives), from, to: draft.between(from + 1, count) };
}
