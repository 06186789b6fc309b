import type { Node } from "../graph/graph.ts";
import type { FusionGroup, FusionGroups } from "./fusion_groups.ts";
import { Heap } from "./heap.ts";

/** What decides which groups run first, beside what they compute. */
export interface OrderOptions {
  /** Which result will lie in which donated leaf's buffer. */
  readonly inPlace: ReadonlyMap<Node, Node>;
  /** What uses each node, by its id. */
  readonly consumers: readonly (readonly Node[])[];
}

/** Groups in an order in which each finds its inputs, as near to the order of creation as that allows. */
export function orderGroups(groups: FusionGroups, options: OrderOptions): FusionGroup[] {
  const { live } = groups;
  for (const group of live) letReadersRunFirst(groups, group, options);
  const ordered: FusionGroup[] = [];
  const waiting = new Map<FusionGroup, number>();
  const ready = new Heap<FusionGroup>();
  const key = ({ nodes }: FusionGroup) => nodes.reduce((last, { id }) => Math.max(last, id), 0);
  for (const group of live) {
    const count = [...groups.before(group)].length;
    waiting.set(group, count);
    if (count === 0) ready.push(key(group), group);
  }
  for (let group = ready.pop(); group; group = ready.pop()) {
    ordered.push(group);
    for (const follower of groups.after(group)) {
      const rest = waiting.get(follower)! - 1;
      waiting.set(follower, rest);
      if (rest === 0) ready.push(key(follower), follower);
    }
  }
  if (ordered.length !== live.size) throw new Error("internal: fused kernels wait for each other");
  return ordered;
}

/** Lets readers of a donated value that can run before the group that overwrites it do so. */
function letReadersRunFirst(groups: FusionGroups, group: FusionGroup, { inPlace, consumers }: OrderOptions): void {
  for (const node of group.nodes) {
    const donated = inPlace.get(node);
    if (!donated) continue;
    for (const consumer of consumers[donated.id]) {
      const reader = groups.of(consumer);
      if (!reader || reader === group || groups.precedes(group, reader)) continue;
      groups.order(reader, group);
    }
  }
}
