import type { Cluster, Part, Product } from "./cluster.ts";
import type { Node } from "../graph/graph.ts";
import { Heap } from "./heap.ts";

/** Nodes that are to be one kernel. */
export interface FusionGroup {
  kind: Cluster["kind"];
  readonly nodes: Node[];
  /** What compiling it costs. */
  weight: number;
  parts?: Part[];
  products?: Product[];
  /** Larger than that of everything that runs before. */
  level: number;
  /** Groups that run before though nothing of them is read, and those that run after. */
  readonly earlier: FusionGroup[];
  readonly later: FusionGroup[];
  /** The last search that came by. */
  seen: number;
}

/**
 * Groups of nodes, each of which becomes a kernel, and what runs before what. Each group has a level, which rises along every dependency: of two groups on
 * one level neither waits for the other, and a search for a way between two visits only what lies between their levels.
 */
export class FusionGroups {
  readonly live = new Set<FusionGroup>();
  readonly #of: (FusionGroup | undefined)[];
  readonly #dependents: Node[][];
  #searches = 0;

  constructor(nodes: readonly Node[]) {
    this.#of = new Array<FusionGroup | undefined>(nodes.length);
    this.#dependents = nodes.map(() => []);
    for (const node of nodes) {
      for (const operand of node.inputs) this.#dependents[operand.node.id].push(node);
      for (const other of node.controlDependencies) this.#dependents[other.id].push(node);
    }
  }

  /** The group that makes a node's result; `undefined` for leaves, constants and what was not added yet. */
  of(node: Node): FusionGroup | undefined {
    return this.#of[node.id];
  }

  /** A group of one node, whose inputs were added before. */
  add(node: Node, kind: FusionGroup["kind"], weight = 1): FusionGroup {
    const group: FusionGroup = { kind, nodes: [node], weight, level: 0, earlier: [], later: [], seen: 0 };
    for (const { level } of this.before(group)) group.level = Math.max(group.level, level + 1);
    this.#of[node.id] = group;
    this.live.add(group);
    return group;
  }

  /** What must run right before a group; some groups several times. */
  *before({ nodes, earlier }: FusionGroup): Generator<FusionGroup> {
    for (const node of nodes) {
      const own = this.#of[node.id];
      for (const operand of node.inputs) {
        const other = this.#of[operand.node.id];
        if (other && other !== own) yield other;
      }
      for (const { id } of node.controlDependencies) {
        const other = this.#of[id];
        if (other && other !== own) yield other;
      }
    }
    yield* earlier;
  }

  /** What must run after a group; some groups several times. */
  *after({ nodes, later }: FusionGroup): Generator<FusionGroup> {
    for (const node of nodes) {
      const own = this.#of[node.id];
      for (const { id } of this.#dependents[node.id]) {
        const other = this.#of[id];
        if (other && other !== own) yield other;
      }
    }
    yield* later;
  }

  /**
   * Whether one must run before the other; `through` third ones, where it says so. Looks from both ends at once, where it
   * has seen less, as often little comes of the first or little is needed by the last.
   */
  precedes(first: FusionGroup, last: FusionGroup, { through = false }: { readonly through?: boolean } = {}): boolean {
    if (first.level >= last.level) return false;
    const [down, up] = [++this.#searches, ++this.#searches];
    const [below, above] = [[first], [last]];
    let [seenBelow, seenAbove] = [0, 0];
    while (below.length > 0 && above.length > 0) {
      if (seenBelow <= seenAbove) {
        const group = below.pop()!;
        for (const other of this.after(group)) {
          seenBelow++;
          if (other === last ? !(through && group === first) : other.seen === up) return true;
          if (other.level >= last.level || other.seen === down) continue;
          other.seen = down;
          below.push(other);
        }
      } else {
        const group = above.pop()!;
        for (const other of this.before(group)) {
          seenAbove++;
          if (other === first ? !(through && group === last) : other.seen === down) return true;
          if (other.level <= first.level || other.seen === up) continue;
          other.seen = up;
          above.push(other);
        }
      }
    }
    return false;
  }

  /** Makes two groups, of which neither waits for the other through a third one, into one. */
  merge(into: FusionGroup, from: FusionGroup): void {
    if (from.kind === "kernel") into.kind = "kernel";
    into.weight += from.weight;
    for (const node of from.nodes) {
      this.#of[node.id] = into;
      into.nodes.push(node);
    }
    this.live.delete(from);
    if (from.level === into.level) return;
    into.level = Math.max(into.level, from.level);
    this.#raise(into);
  }

  /** Lets one group run before another one that it does not wait for; for when nothing is merged any more. */
  order(first: FusionGroup, last: FusionGroup): void {
    first.later.push(last);
    last.earlier.push(first);
    if (last.level > first.level) return;
    last.level = first.level + 1;
    this.#raise(last);
  }

  /** Raises the levels of what runs after a group: each once, as those before it have theirs. */
  #raise(risen: FusionGroup): void {
    const wanted = new Map<FusionGroup, number>();
    const waiting = new Heap<FusionGroup>();
    const pass = (group: FusionGroup) => {
      for (const other of this.after(group)) {
        if (other.level > group.level) continue;
        const known = wanted.get(other);
        if (known === undefined) waiting.push(other.level, other);
        wanted.set(other, Math.max(known ?? 0, group.level + 1));
      }
    };
    pass(risen);
    for (let group = waiting.pop(); group; group = waiting.pop()) {
      group.level = wanted.get(group)!;
      pass(group);
    }
  }
}
