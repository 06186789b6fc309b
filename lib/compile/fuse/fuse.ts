import { type Cluster, kernelOf, type Part, type Product, reduceAxes, reduceDirection, scatterOf } from "./cluster.ts";
import { describePart } from "./horizontal_maps.ts";
import { describeProduct, describeReduction, mayWait } from "./horizontal_products.ts";
import { type Draft, Drafts } from "./fusion_groups.ts";
import type { Primitive } from "../../ops/primitive.ts";
import { type Graph, isWhole, type Node } from "../graph/graph.ts";
import { Heap } from "./heap.ts";

/** Storage buffers that a kernel may bind, on any adapter. */
const MAX_BINDINGS = 8;
/**
 * What one kernel computes at most, of one part where it does the same to several: so many simple nodes. What a driver takes
 * to compile a kernel grows faster than its text: lavapipe takes 0.1 s for 200 additions and 40 s for 600.
 */
const MAX_WEIGHT = 128;
/** Characters of a function that weigh as much as a node: it is compiled anew wherever a kernel calls it. */
const CHARACTERS = 256;

/** How much of {@linkcode MAX_WEIGHT} a node takes: sine, say, many times as much as a sum. */
function weightOf({ primitive }: Node): number {
  const lowering = primitive!.lowering;
  const prelude = lowering.kind === "map" ? lowering.prelude?.(1) ?? "" : "";
  return 1 + Math.round(prelude.length / CHARACTERS);
}

/** A draft's nodes in topological order. */
function inOrder({ nodes }: Draft): Node[] {
  return [...nodes].sort((a, b) => a.id - b.id);
}

class Fuser {
  readonly consumers: Node[][];
  readonly isOutput: boolean[];
  readonly #drafts: Drafts;
  readonly #isReadByKernel: boolean[];
  readonly #weights = new Map<Primitive, number>();
  readonly #scattered = new Set<Node>();

  constructor(readonly graph: Graph, readonly inPlace: ReadonlyMap<Node, Node>, readonly isKept: boolean) {
    const count = graph.nodes.length;
    this.#drafts = new Drafts(graph.nodes);
    this.consumers = Array.from({ length: count }, () => []);
    this.isOutput = new Array<boolean>(count).fill(false);
    this.#isReadByKernel = new Array<boolean>(count).fill(false);
    for (const node of graph.nodes) {
      for (const { node: input } of node.inputs) {
        this.consumers[input.id].push(node);
        if (node.kind === "kernel") this.#isReadByKernel[input.id] = true;
      }
    }
    for (const output of graph.outputs) this.isOutput[output.id] = true;
  }

  /** Whether one reads what the other computes at other places than its own: that needs the whole result in memory. */
  #readsAcross(a: Draft, b: Draft): boolean {
    return [...a.nodes, ...b.nodes].some((node) =>
      node.inputs.some((operand) => {
        const other = this.#drafts.of(operand.node);
        if (other !== a && other !== b) return false;
        // A kernel of its own finds its operands in memory.
        return node.kind === "kernel" || this.#scattered.has(operand.node) ||
          !(isWhole(operand) || this.#scattered.has(node));
      })
    );
  }

  /** Whether something else would have to run between the two. */
  #separated(a: Draft, b: Draft): boolean {
    return this.#drafts.precedes(a, b, { through: true }) || this.#drafts.precedes(b, a, { through: true });
  }

  /** Whether neither must run before the other. */
  #independent(a: Draft, b: Draft): boolean {
    return !this.#drafts.precedes(a, b) && !this.#drafts.precedes(b, a);
  }

  /** Whether one kernel may compute both. */
  #fits(a: Draft, b: Draft): boolean {
    return a.weight + b.weight <= MAX_WEIGHT &&
      this.#bindings([...a.nodes, ...b.nodes]) <= MAX_BINDINGS;
  }

  /** Whether a number lies in the scalars' common buffer: results and what kernels of their own read do not. */
  #isSharedScalar({ size, kind, id }: Node): boolean {
    return size === 1 && kind === "map" && !this.isOutput[id] && !this.#isReadByKernel[id];
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

  /** Whether everything a draft computes is used by one node alone. */
  #flowsInto(draft: Draft, node: Node): boolean {
    return draft.nodes.every((member) =>
      !this.isOutput[member.id] &&
      this.consumers[member.id].every((consumer) => consumer === node || this.#drafts.of(consumer) === draft)
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
    const other = this.#drafts.of(operand.node);
    if (!this.#extends(other) || this.#scattered.has(operand.node) || isWhole(operand)) return false;
    this.#scattered.add(node);
    const fits = !this.#readsAcross(other, draft) && this.#fits(other, draft) && !this.#separated(other, draft);
    if (fits) this.#drafts.merge(draft, other);
    else this.#scattered.delete(node);
    return fits;
  }

  #join(node: Node, draft: Draft): void {
    if (node.kind === "map") {
      if (this.#scatter(node, draft)) return;
      const alone = this.#soleReduction(node) !== undefined;
      for (const operand of [...node.inputs].sort((a, b) => b.node.id - a.node.id)) {
        const other = this.#drafts.of(operand.node);
        if (!this.#extends(other) || other === draft) continue;
        // A kernel takes in what follows from its result, and one kernel does not take in another.
        if (other.kind === "kernel" && (draft.kind === "kernel" || node.size === 1)) continue;
        if (operand.node.size !== node.size || !isWhole(operand) || this.#scattered.has(operand.node)) continue;
        if (alone && !this.#flowsInto(other, node)) continue;
        if (this.#readsAcross(other, draft) || !this.#fits(other, draft)) continue;
        if (!this.#separated(other, draft)) this.#drafts.merge(draft, other);
      }
    } else if (node.kind === "reduce") {
      const [operand] = node.inputs;
      const other = this.#drafts.of(operand.node);
      const takes = other?.kind === "map" && !this.#scattered.has(operand.node) && operand.node.kind === "map" &&
        isWhole(operand) &&
        reduceDirection(operand, reduceAxes(node)) !== undefined && this.#flowsInto(other, node) &&
        this.#fits(other, draft);
      if (takes) this.#drafts.merge(draft, other);
    }
  }

  run(): Cluster[] {
    for (const node of this.graph.nodes) {
      if (node.kind !== "leaf" && node.kind !== "constant") {
        this.#join(node, this.#drafts.add(node, node.kind, this.#weigh(node)));
      }
    }
    // Kernels of a program that runs once would be others each time, and cost their compiling.
    if (this.isKept) {
      this.#joinScalars();
      this.#joinAlike();
      this.#joinProducts();
    }
    return this.#order();
  }

  #weigh(node: Node): number {
    const known = this.#weights.get(node.primitive!);
    if (known !== undefined) return known;
    const weight = weightOf(node);
    this.#weights.set(node.primitive!, weight);
    return weight;
  }

  #isResult(node: Node, members: ReadonlySet<Node>): boolean {
    return this.isOutput[node.id] || this.consumers[node.id].some((consumer) => !members.has(consumer));
  }

  /** Joins work on single numbers where nothing else must run between: a dispatch costs more than what it computes. */
  #joinScalars(): void {
    const { live } = this.#drafts;
    const drafts = [...live].filter(({ kind, nodes }) => kind === "map" && nodes[0].size === 1);
    drafts.forEach((draft, i) => {
      if (!live.has(draft)) return;
      for (const other of drafts.slice(i + 1)) {
        if (!live.has(other) || !this.#fits(draft, other)) continue;
        if (this.#independent(draft, other)) this.#drafts.merge(draft, other);
      }
    });
  }

  /** Lets element-wise work that is the same but for its tensors run as one: the update of all parameters, say. */
  #joinAlike(): void {
    const overwritten = new Set(this.inPlace.values());
    const groups = new Map<string, { draft: Draft; part: Part }[]>();
    for (const draft of this.#drafts.live) {
      if (draft.kind !== "map" || draft.nodes.some((node) => this.#scattered.has(node))) continue;
      const nodes = inOrder(draft);
      const members = new Set(nodes);
      const described = describePart(nodes, {
        isResult: (node) => this.#isResult(node, members),
        inPlace: this.inPlace,
        isOverwritten: (leaf) => overwritten.has(leaf),
      });
      if (!described) continue;
      const { key, part } = described;
      const group = groups.get(key);
      if (group) group.push({ draft, part });
      else groups.set(key, [{ draft, part }]);
    }
    for (const [first, ...others] of groups.values()) {
      for (const { draft, part } of others) {
        if (!this.#independent(first.draft, draft)) continue;
        this.#drafts.merge(first.draft, draft);
        (first.draft.parts ??= [first.part]).push(part);
      }
    }
  }

  /** Lets products, and reductions, that are the same but for their tensors run as one: of one input by several factors, say. */
  #joinProducts(): void {
    // A checkpoint computes again what is needed late, so that it is not kept until then: joining must not undo that.
    const savesMemory = this.graph.nodes.some(({ after }) => after.length > 0);
    const groups = new Map<string, { draft: Draft; products: Product[] }[]>();
    for (const draft of this.#drafts.live) {
      if (draft.nodes.some((node) => this.#scattered.has(node))) continue;
      const nodes = inOrder(draft);
      const members = new Set(nodes);
      const described = draft.kind === "kernel"
        ? describeProduct(nodes, (node) => this.#isResult(node, members))
        : draft.kind === "reduce"
        ? describeReduction(nodes)
        : undefined;
      if (!described) continue;
      const { key, product } = described;
      const group = groups.get(key) ?? [];
      groups.set(key, group);
      const first = group.find((other) =>
        mayWait(other.products[0], product, { savesMemory }) && this.#independent(other.draft, draft)
      );
      if (!first) {
        group.push({ draft, products: [product] });
        continue;
      }
      this.#drafts.merge(first.draft, draft);
      first.products.push(product);
      first.draft.products = first.products;
    }
  }

  /** Clusters in an order in which each finds its inputs, as near to the order of creation as that allows. */
  #order(): Cluster[] {
    const { live } = this.#drafts;
    for (const draft of live) this.#letReadersRunFirst(draft);
    const ordered: Cluster[] = [];
    const waiting = new Map<Draft, number>();
    const ready = new Heap<Draft>();
    const key = ({ nodes }: Draft) => nodes.reduce((last, { id }) => Math.max(last, id), 0);
    for (const draft of live) {
      const count = [...this.#drafts.before(draft)].length;
      waiting.set(draft, count);
      if (count === 0) ready.push(key(draft), draft);
    }
    for (let draft = ready.pop(); draft; draft = ready.pop()) {
      ordered.push(this.#finish(draft));
      for (const follower of this.#drafts.after(draft)) {
        const rest = waiting.get(follower)! - 1;
        waiting.set(follower, rest);
        if (rest === 0) ready.push(key(follower), follower);
      }
    }
    if (ordered.length !== live.size) throw new Error("internal: fused kernels wait for each other");
    return ordered;
  }

  /** Lets readers of a donated value that can run before the draft that overwrites it do so. */
  #letReadersRunFirst(draft: Draft): void {
    for (const node of draft.nodes) {
      const donated = this.inPlace.get(node);
      if (!donated) continue;
      for (const consumer of this.consumers[donated.id]) {
        const reader = this.#drafts.of(consumer);
        if (!reader || reader === draft || this.#drafts.precedes(draft, reader)) continue;
        this.#drafts.order(reader, draft);
      }
    }
  }

  #finish(draft: Draft): Cluster {
    const { kind, parts, products } = draft;
    const nodes = inOrder(draft);
    const members = new Set(nodes);
    const outputs = nodes.filter((node) => this.#isResult(node, members));
    const scattered = new Set(nodes.filter((node) => this.#scattered.has(node)));
    return { kind, nodes, outputs, scattered, parts, products };
  }
}

/** Options of {@linkcode fuse}. */
export interface FuseOptions {
  /** Which result will lie in which donated leaf's buffer. */
  readonly inPlace: ReadonlyMap<Node, Node>;
  /** Whether the plan runs many times, so that work on several tensors is worth a kernel of its own. */
  readonly isKept: boolean;
}

/**
 * Groups nodes into kernels. Element-wise nodes of one size join where no other kernel must run between them and eight
 * bindings suffice; a reduction takes in what flows into it alone. In a plan that is kept, what is the same but for its
 * tensors joins then.
 */
export function fuse(graph: Graph, { inPlace, isKept }: FuseOptions): Cluster[] {
  return new Fuser(graph, inPlace, isKept).run();
}
