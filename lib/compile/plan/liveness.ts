import { storedBytes } from "../../tensor/dtype.ts";
import type { Arena } from "./arena.ts";
import type { Node } from "../graph/graph.ts";
import type { Plan } from "./plan.ts";

/** What lies in a slot for some time. */
export interface LiveRange {
  readonly slot: number;
  /** A result, several side by side, or scratch memory of one piece of work. */
  readonly content: Node | Arena | undefined;
  readonly bytes: number;
  /** The dispatch that writes it first, and the last one that needs it; results are needed after all of them. */
  readonly from: number;
  readonly to: number;
}

/** When the most of a plan's own memory is in use. */
export interface Peak {
  readonly dispatch: number;
  readonly bytes: number;
  /** What is held then. */
  readonly live: readonly LiveRange[];
}

/** What a plan's slots hold, one thing after the other. */
export function liveRanges({ steps, slots, results }: Plan): LiveRange[] {
  const current = new Map<number, { content: LiveRange["content"]; cluster: number; from: number; to: number }>();
  const found: LiveRange[] = [];
  const close = (slot: number, last?: number) => {
    const { content, from, to } = current.get(slot)!;
    const bytes = content === undefined ? slots[slot] : "offsets" in content ? content.bytes : storedBytes(content);
    found.push({ slot, content, bytes, from, to: last ?? to });
  };
  steps.forEach(({ buffers, contents, cluster }, position) => {
    buffers.forEach((buffer, i) => {
      if (buffer === "scalars" || !("slot" in buffer)) return;
      const { slot } = buffer;
      const content = contents[i];
      const known = current.get(slot);
      // Scratch memory has no name: it belongs to one piece of work.
      if (known && known.content === content && (content !== undefined || known.cluster === cluster)) {
        known.to = position;
        return;
      }
      if (known) close(slot);
      current.set(slot, { content, cluster, from: position, to: position });
    });
  });
  const kept = new Set(results.flatMap((place) => "slot" in place ? [place.slot] : []));
  for (const slot of current.keys()) close(slot, kept.has(slot) ? steps.length : undefined);
  return found;
}

/** The dispatch at which the most is held, the first of them; `undefined` for a plan that runs nothing. */
export function peakOf(plan: Plan): Peak | undefined {
  const ranges = liveRanges(plan);
  const change = new Array<number>(plan.steps.length + 2).fill(0);
  for (const { bytes, from, to } of ranges) {
    change[from] += bytes;
    change[to + 1] -= bytes;
  }
  let bytes = 0;
  let most = { dispatch: -1, bytes: -1 };
  for (let dispatch = 0; dispatch < plan.steps.length; dispatch++) {
    bytes += change[dispatch];
    if (bytes > most.bytes) most = { dispatch, bytes };
  }
  const { dispatch } = most;
  if (dispatch < 0) return undefined;
  return { ...most, live: ranges.filter(({ from, to }) => from <= dispatch && dispatch <= to) };
}
