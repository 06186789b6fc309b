import { describePart, type Part } from "./alike.ts";
import { describeProduct, describeReduction, mayWait, type Product } from "./alike_products.ts";
import { Bits } from "./bits.ts";
import { invertView, type View } from "../tensor/view.ts";
import { copyPrimitive, type Graph, isWhole, type Node, type Operand } from "./graph.ts";

/** Storage buffers that a kernel may bind, on any adapter. */
const MAX_BINDINGS = 8;

/** Nodes that one kernel computes: element-wise ones together, or a reduction with what flows into it alone. */
export interface Cluster {
  readonly kind: "map" | "reduce" | "place" | "kernel";
  /** In topological order; the last one is what a reduction or placement is, one of them what a kernel is. */
  readonly nodes: readonly Node[];
  /** Nodes whose results others need. */
  readonly outputs: readonly Node[];
  /** Those of them that are copies in another order: each element is written where it goes. */
  readonly scattered: ReadonlySet<Node>;
  /** Where it does the same to several sets of tensors that lie side by side: the work on each. */
  readonly parts?: readonly Part[];
  /** Where it makes several products that lie side by side: each of them. */
  readonly products?: readonly Product[];
}

/** Where the elements of what a node copies go, four at a time; `undefined` where it is no such copy. */
export function scatterOf(node: Node): View | undefined {
  if (node.primitive !== copyPrimitive || node.size !== node.inputs[0].node.size) return undefined;
  const inverse = invertView(node.inputs[0].view);
  const last = inverse ? inverse.shape.length - 1 : 0;
  return inverse && inverse.strides[last] === 1 && inverse.shape[last] % 4 === 0 ? inverse : undefined;
}

interface Draft {
  kind: Cluster["kind"];
  nodes: Node[];
  members: Bits;
  /** Nodes that must be computed before, through any number of steps. */
  reach: Bits;
  parts?: Part[];
  products?: Product[];
}

/** Whether a reduction runs along whole rows, whole columns or neither of how its operand lies. */
export function reduceDirection({ view }: Operand, axes: readonly number[]): "row" | "column" | undefined {
  const rank = view.shape.length;
  const kept = [...Array(rank).keys()].filter((axis) => !axes.includes(axis) && view.shape[axis] !== 1);
  const reduced = axes.filter((axis) => view.shape[axis] !== 1);
  if (reduced.every((axis) => kept.every((other) => other < axis))) return "row";
  if (reduced.every((axis) => kept.every((other) => other > axis))) return "column";
  return undefined;
}

/** The axes of a reduction. */
export function reduceAxes(node: Node): readonly number[] {
  const lowering = node.primitive!.lowering;
  if (lowering.kind !== "reduce") throw new Error(`internal: ${node.primitive!.name} is no reduction`);
  return lowering.axes(node.params);
}

/** The node of a cluster that has a kernel of its own. */
export function kernelOf(nodes: readonly Node[]): Node {
  const node = nodes.find(({ kind }) => kind === "kernel");
  if (!node) throw new Error("internal: a kernel's cluster holds no kernel");
  return node;
}

class Fuser {
  readonly consumers: Node[][];
  readonly isOutput: boolean[];
  readonly #drafts = new Map<Node, Draft>();
  readonly #live = new Set<Draft>();
  readonly #scattered = new Set<Node>();

  constructor(readonly graph: Graph, readonly inPlace: ReadonlyMap<Node, Node>) {
    const count = graph.nodes.length;
    this.consumers = Array.from({ length: count }, () => []);
    this.isOutput = new Array<boolean>(count).fill(false);
    for (const node of graph.nodes) for (const { node: input } of node.inputs) this.consumers[input.id].push(node);
    for (const output of graph.outputs) this.isOutput[output.id] = true;
  }

  #inputs(draft: Draft): Set<Draft> {
    const found = new Set<Draft>();
    for (const node of draft.nodes) {
      for (const input of [...node.inputs.map((operand) => operand.node), ...node.after]) {
        const other = this.#drafts.get(input);
        if (other && other !== draft) found.add(other);
      }
    }
    return found;
  }

  /** Whether one reads what the other computes at other places than its own: that needs the whole result in memory. */
  #readsAcross(a: Draft, b: Draft): boolean {
    return [...a.nodes, ...b.nodes].some((node) =>
      node.inputs.some((operand) => {
        const other = this.#drafts.get(operand.node);
        if (other !== a && other !== b) return false;
        // A kernel of its own finds its operands in memory.
        return node.kind === "kernel" || this.#scattered.has(operand.node) ||
          !(isWhole(operand) || this.#scattered.has(node));
      })
    );
  }

  /** Whether something else would have to run between the two. */
  #separated(a: Draft, b: Draft): boolean {
    for (const input of this.#inputs(b)) if (input !== a && input.reach.meets(a.members)) return true;
    for (const input of this.#inputs(a)) if (input !== b && input.reach.meets(b.members)) return true;
    return false;
  }

  /** Whether a number lies in the scalars' common buffer: results and what kernels of their own read do not. */
  #isSharedScalar({ size, kind, id }: Node): boolean {
    return size === 1 && kind === "map" && !this.isOutput[id] &&
      this.consumers[id].every((consumer) => consumer.kind !== "kernel");
  }

  /** Storage buffers that a kernel of these nodes would bind. */
  #bindings(nodes: readonly Node[]): number {
    const members = new Set(nodes);
    const buffers = new Set<Node | "scalars">();
    let own = 0;
    for (const node of nodes) {
      // What a kernel of its own reads has bindings apart from those of the work that follows.
      if (node.kind === "kernel") {
        own += node.inputs.length;
        continue;
      }
      for (const { node: input } of node.inputs) {
        if (members.has(input) || input.kind === "constant") continue;
        buffers.add(this.#isSharedScalar(input) ? "scalars" : input);
      }
    }
    for (const node of nodes) {
      if (!this.isOutput[node.id] && this.consumers[node.id].every((consumer) => members.has(consumer))) continue;
      const donated = this.inPlace.get(node);
      buffers.add(donated && buffers.has(donated) ? donated : this.#isSharedScalar(node) ? "scalars" : node);
    }
    return own + buffers.size;
  }

  #merge(into: Draft, from: Draft): void {
    into.nodes = [...from.nodes, ...into.nodes].sort((a, b) => a.id - b.id);
    if (from.kind === "kernel") into.kind = "kernel";
    into.members.union(from.members);
    into.reach.union(from.reach);
    for (const node of from.nodes) this.#drafts.set(node, into);
    this.#live.delete(from);
    for (const draft of this.#live) {
      if (draft !== into && draft.reach.meets(into.members)) draft.reach.union(into.reach);
    }
  }

  /** Whether everything a draft computes is used by one node alone. */
  #flowsInto(draft: Draft, node: Node): boolean {
    return draft.nodes.every((member) =>
      !this.isOutput[member.id] &&
      this.consumers[member.id].every((consumer) => consumer === node || this.#drafts.get(consumer) === draft)
    );
  }

  /** The reduction that alone uses an element-wise node, where it can take the node in. */
  #soleReduction(node: Node): Node | undefined {
    const [consumer, ...others] = this.consumers[node.id];
    if (!consumer || others.length > 0 || this.isOutput[node.id] || consumer.kind !== "reduce") return undefined;
    const [operand] = consumer.inputs;
    return isWhole(operand) && reduceDirection(operand, reduceAxes(consumer)) ? consumer : undefined;
  }

  /** Whether a node's draft can take in what is computed element by element of its result. */
  #extends(draft: Draft | undefined): draft is Draft {
    if (draft?.kind === "map") return true;
    if (draft?.kind !== "kernel") return false;
    const { lowering } = kernelOf(draft.nodes).primitive!;
    return lowering.kind === "kernel" && lowering.finishes === true;
  }

  /** Lets a copy in another order be written by what computes its original. */
  #scatter(node: Node, draft: Draft): boolean {
    if (!scatterOf(node)) return false;
    const [operand] = node.inputs;
    const other = this.#drafts.get(operand.node);
    if (!this.#extends(other) || this.#scattered.has(operand.node) || isWhole(operand)) return false;
    this.#scattered.add(node);
    const fits = !this.#readsAcross(other, draft) && !this.#separated(other, draft) &&
      this.#bindings([...other.nodes, node]) <= MAX_BINDINGS;
    if (fits) this.#merge(draft, other);
    else this.#scattered.delete(node);
    return fits;
  }

  #join(node: Node, draft: Draft): void {
    if (node.kind === "map") {
      if (this.#scatter(node, draft)) return;
      const alone = this.#soleReduction(node) !== undefined;
      for (const operand of [...node.inputs].sort((a, b) => b.node.id - a.node.id)) {
        const other = this.#drafts.get(operand.node);
        if (!this.#extends(other) || other === draft) continue;
        // A kernel takes in what follows from its result, and one kernel does not take in another.
        if (other.kind === "kernel" && (draft.kind === "kernel" || node.size === 1)) continue;
        if (operand.node.size !== node.size || !isWhole(operand) || this.#scattered.has(operand.node)) continue;
        if (alone && !this.#flowsInto(other, node)) continue;
        if (this.#readsAcross(other, draft) || this.#separated(other, draft)) continue;
        if (this.#bindings([...other.nodes, ...draft.nodes]) > MAX_BINDINGS) continue;
        this.#merge(draft, other);
      }
    } else if (node.kind === "reduce") {
      const [operand] = node.inputs;
      const other = this.#drafts.get(operand.node);
      const takes = other?.kind === "map" && !this.#scattered.has(operand.node) && operand.node.kind === "map" &&
        isWhole(operand) &&
        reduceDirection(operand, reduceAxes(node)) !== undefined && this.#flowsInto(other, node) &&
        this.#bindings([...other.nodes, node]) <= MAX_BINDINGS;
      if (takes) this.#merge(draft, other);
    }
  }

  run(): Cluster[] {
    const count = this.graph.nodes.length;
    for (const node of this.graph.nodes) {
      if (node.kind === "leaf" || node.kind === "constant") continue;
      const draft: Draft = { kind: node.kind, nodes: [node], members: new Bits(count), reach: new Bits(count) };
      draft.members.add(node.id);
      this.#drafts.set(node, draft);
      for (const input of this.#inputs(draft)) {
        draft.reach.union(input.reach);
        draft.reach.union(input.members);
      }
      this.#live.add(draft);
      this.#join(node, draft);
    }
    // Only for functions that are kept: kernels of eager programs would be others each time, and cost their compiling.
    if (this.inPlace.size > 0) {
      this.#joinScalars();
      this.#joinAlike();
      this.#joinProducts();
    }
    return this.#order();
  }

  #isResult(node: Node, members: ReadonlySet<Node>): boolean {
    return this.isOutput[node.id] || this.consumers[node.id].some((consumer) => !members.has(consumer));
  }

  /** Joins work on single numbers where nothing else must run between: a dispatch costs more than what it computes. */
  #joinScalars(): void {
    const drafts = [...this.#live].filter(({ kind, nodes }) => kind === "map" && nodes[0].size === 1);
    drafts.forEach((draft, i) => {
      for (const other of drafts.slice(i + 1)) {
        if (!this.#live.has(draft) || !this.#live.has(other)) continue;
        if (draft.reach.meets(other.members) || other.reach.meets(draft.members)) continue;
        if (this.#bindings([...draft.nodes, ...other.nodes]) <= MAX_BINDINGS) this.#merge(draft, other);
      }
    });
  }

  /** Lets element-wise work that is the same but for its tensors run as one: the update of all parameters, say. */
  #joinAlike(): void {
    const overwritten = new Set(this.inPlace.values());
    const groups = new Map<string, { draft: Draft; part: Part }[]>();
    for (const draft of this.#live) {
      if (draft.kind !== "map" || draft.nodes.some((node) => this.#scattered.has(node))) continue;
      const members = new Set(draft.nodes);
      const described = describePart(draft.nodes, {
        isResult: (node) => this.#isResult(node, members),
        inPlace: this.inPlace,
        isOverwritten: (leaf) => overwritten.has(leaf),
      });
      if (!described) continue;
      const { key, part } = described;
      groups.set(key, [...groups.get(key) ?? [], { draft, part }]);
    }
    for (const [first, ...others] of groups.values()) {
      for (const { draft, part } of others) {
        if (first.draft.reach.meets(draft.members) || draft.reach.meets(first.draft.members)) continue;
        this.#merge(first.draft, draft);
        (first.draft.parts ??= [first.part]).push(part);
      }
    }
  }

  /** Lets products, and reductions, that are the same but for their tensors run as one: of one input by several factors, say. */
  #joinProducts(): void {
    const groups = new Map<string, { draft: Draft; products: Product[] }[]>();
    for (const draft of this.#live) {
      if (draft.nodes.some((node) => this.#scattered.has(node))) continue;
      const members = new Set(draft.nodes);
      const described = draft.kind === "kernel"
        ? describeProduct(draft.nodes, (node) => this.#isResult(node, members))
        : draft.kind === "reduce"
        ? describeReduction(draft.nodes)
        : undefined;
      if (!described) continue;
      const { key, product } = described;
      const group = groups.get(key) ?? [];
      groups.set(key, group);
      const first = group.find((other) =>
        mayWait(other.products[0], product) &&
        !other.draft.reach.meets(draft.members) && !draft.reach.meets(other.draft.members)
      );
      if (!first) {
        group.push({ draft, products: [product] });
        continue;
      }
      this.#merge(first.draft, draft);
      first.products.push(product);
      first.draft.products = first.products;
    }
  }

  /** Clusters in an order in which each finds its inputs, as near to the order of creation as that allows. */
  #order(): Cluster[] {
    const ordered: Cluster[] = [];
    const waiting = new Map<Draft, number>();
    const followers = new Map<Draft, Draft[]>();
    for (const draft of this.#live) {
      const inputs = this.#inputs(draft);
      for (const reader of this.#earlierReaders(draft)) inputs.add(reader);
      waiting.set(draft, inputs.size);
      for (const input of inputs) followers.set(input, [...followers.get(input) ?? [], draft]);
    }
    const key = (draft: Draft) => draft.nodes[draft.nodes.length - 1].id;
    const ready = [...waiting].filter(([, count]) => count === 0).map(([draft]) => draft);
    while (ready.length > 0) {
      let next = 0;
      for (let i = 1; i < ready.length; i++) if (key(ready[i]) < key(ready[next])) next = i;
      const [draft] = ready.splice(next, 1);
      ordered.push(this.#finish(draft));
      for (const follower of followers.get(draft) ?? []) {
        const rest = waiting.get(follower)! - 1;
        waiting.set(follower, rest);
        if (rest === 0) ready.push(follower);
      }
    }
    if (ordered.length !== this.#live.size) throw new Error("internal: fused kernels wait for each other");
    return ordered;
  }

  /** Readers of a donated value that can run before the cluster that overwrites it; from now on they must. */
  #earlierReaders(draft: Draft): Draft[] {
    const found: Draft[] = [];
    for (const node of draft.nodes) {
      const donated = this.inPlace.get(node);
      if (!donated) continue;
      for (const consumer of this.consumers[donated.id]) {
        const reader = this.#drafts.get(consumer);
        if (!reader || reader === draft || reader.reach.meets(draft.members)) continue;
        found.push(reader);
        draft.reach.union(reader.reach);
        draft.reach.union(reader.members);
        for (const other of this.#live) {
          if (other !== draft && other.reach.meets(draft.members)) other.reach.union(draft.reach);
        }
      }
    }
    return found;
  }

  #finish(draft: Draft): Cluster {
    const members = new Set(draft.nodes);
    const outputs = draft.nodes.filter((node) => this.#isResult(node, members));
    const scattered = new Set(draft.nodes.filter((node) => this.#scattered.has(node)));
    const { kind, nodes, parts, products } = draft;
    return { kind, nodes, outputs, scattered, parts, products };
  }
}

/**
 * Groups nodes into kernels. Element-wise nodes of one size join where no other kernel must run between them and eight
 * bindings suffice; a reduction takes in what flows into it alone. What is the same but for its tensors joins then.
 * `inPlace` says which result will lie in which donated leaf's buffer.
 */
export function fuse(graph: Graph, inPlace: ReadonlyMap<Node, Node> = new Map()): Cluster[] {
  return new Fuser(graph, inPlace).run();
}
