import type { Cluster, Part, Product } from "./cluster.ts";
import type { Node } from "../graph/graph.ts";
import { Heap } from "./heap.ts";

/** Nodes that are to be one kernel. */
export interface Draft {
  kind: Cluster["kind"];
  readonly nodes: Node[];
  /** What compiling it costs. */
  weight: number;
  parts?: Part[];
  products?: Product[];
  /** Larger than that of everything that runs before. */
  level: number;
  /** Drafts that run before though nothing of them is read, and those that run after. */
  readonly earlier: Draft[];
  readonly later: Draft[];
  /** The last search that came by. */
  seen: number;
}

/**
 * Drafts of kernels and what runs before what. Each draft has a level, which rises along every dependency: of two drafts on
 * one level neither waits for the other, and a search for a way between two visits only what lies between their levels.
 */
export class Drafts {
  readonly live = new Set<Draft>();
  readonly #of: (Draft | undefined)[];
  readonly #dependents: Node[][];
  #searches = 0;

  constructor(nodes: readonly Node[]) {
    this.#of = new Array<Draft | undefined>(nodes.length);
    this.#dependents = nodes.map(() => []);
    for (const node of nodes) {
      for (const operand of node.inputs) this.#dependents[operand.node.id].push(node);
      for (const other of node.after) this.#dependents[other.id].push(node);
    }
  }

  /** The draft that makes a node's result; `undefined` for leaves, constants and what was not added yet. */
  of(node: Node): Draft | undefined {
    return this.#of[node.id];
  }

  /** A draft of one node, whose inputs were added before. */
  add(node: Node, kind: Draft["kind"], weight = 1): Draft {
    const draft: Draft = { kind, nodes: [node], weight, level: 0, earlier: [], later: [], seen: 0 };
    for (const { level } of this.before(draft)) draft.level = Math.max(draft.level, level + 1);
    this.#of[node.id] = draft;
    this.live.add(draft);
    return draft;
  }

  /** What must run right before a draft; some drafts several times. */
  *before({ nodes, earlier }: Draft): Generator<Draft> {
    for (const node of nodes) {
      const own = this.#of[node.id];
      for (const operand of node.inputs) {
        const other = this.#of[operand.node.id];
        if (other && other !== own) yield other;
      }
      for (const { id } of node.after) {
        const other = this.#of[id];
        if (other && other !== own) yield other;
      }
    }
    yield* earlier;
  }

  /** What must run after a draft; some drafts several times. */
  *after({ nodes, later }: Draft): Generator<Draft> {
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
  precedes(first: Draft, last: Draft, { through = false }: { readonly through?: boolean } = {}): boolean {
    if (first.level >= last.level) return false;
    const [down, up] = [++this.#searches, ++this.#searches];
    const [below, above] = [[first], [last]];
    let [seenBelow, seenAbove] = [0, 0];
    while (below.length > 0 && above.length > 0) {
      if (seenBelow <= seenAbove) {
        const draft = below.pop()!;
        for (const other of this.after(draft)) {
          seenBelow++;
          if (other === last ? !(through && draft === first) : other.seen === up) return true;
          if (other.level >= last.level || other.seen === down) continue;
          other.seen = down;
          below.push(other);
        }
      } else {
        const draft = above.pop()!;
        for (const other of this.before(draft)) {
          seenAbove++;
          if (other === first ? !(through && draft === last) : other.seen === down) return true;
          if (other.level <= first.level || other.seen === up) continue;
          other.seen = up;
          above.push(other);
        }
      }
    }
    return false;
  }

  /** Makes two drafts, of which neither waits for the other through a third one, into one. */
  merge(into: Draft, from: Draft): void {
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

  /** Lets one draft run before another one that it does not wait for; for when nothing is merged any more. */
  order(first: Draft, last: Draft): void {
    first.later.push(last);
    last.earlier.push(first);
    if (last.level > first.level) return;
    last.level = first.level + 1;
    this.#raise(last);
  }

  /** Raises the levels of what runs after a draft: each once, as those before it have theirs. */
  #raise(risen: Draft): void {
    const wanted = new Map<Draft, number>();
    const waiting = new Heap<Draft>();
    const pass = (draft: Draft) => {
      for (const other of this.after(draft)) {
        if (other.level > draft.level) continue;
        const known = wanted.get(other);
        if (known === undefined) waiting.push(other.level, other);
        wanted.set(other, Math.max(known ?? 0, draft.level + 1));
      }
    };
    pass(risen);
    for (let draft = waiting.pop(); draft; draft = waiting.pop()) {
      draft.level = wanted.get(draft)!;
      pass(draft);
    }
  }
}
