import { type Cluster, kernelOf, type Part, type Product, reductionOf, scatterOf } from "./cluster.ts";
import { describePart } from "./horizontal_maps.ts";
import { describeProduct, describeReduction, mayWait } from "./horizontal_products.ts";
import { type FusionGroup, FusionGroups } from "./fusion_groups.ts";
import { loopPrimitive } from "../../ops/loop.ts";
import { paramsOf } from "../../ops/primitive.ts";
import { type Graph, isWhole, type Node } from "../graph/graph.ts";
import { orderGroups } from "./order_groups.ts";
import { Weights } from "./weights.ts";

/** Storage buffers that a kernel may bind, on any device. */
const MAX_BINDINGS = 8;
/**
 * What one kernel computes at most, of one part where it does the same to several: so many simple nodes. What a driver takes
 * to compile a kernel grows faster than its text: lavapipe takes 0.1 s for 200 additions and 40 s for 600.
 */
const MAX_WEIGHT = 128;
/** A group's nodes in topological order. */
function inOrder({ nodes }: FusionGroup): Node[] {
  return [...nodes].sort((a, b) => a.id - b.id);
}

class Fuser {
  readonly consumers: Node[][];
  readonly isOutput: boolean[];
  readonly #groups: FusionGroups;
  readonly #isReadByKernel: boolean[];
  readonly #weights = new Weights();
  readonly #scattered = new Set<Node>();
  /** Loops by what they run on. */
  readonly #loops = new Map<string, FusionGroup>();

  constructor(readonly graph: Graph, readonly inPlace: ReadonlyMap<Node, Node>, readonly isKept: boolean) {
    const count = graph.nodes.length;
    this.#groups = new FusionGroups(graph.nodes);
    this.consumers = Array.from({ length: count }, () => []);
    this.isOutput = new Array<boolean>(count).fill(false);
    this.#isReadByKernel = new Array<boolean>(count).fill(false);
    for (const node of graph.nodes) {
      for (const { node: input } of node.inputs) {
        this.consumers[input.id].push(node);
        if (node.kind === "kernel" || node.kind === "loop") this.#isReadByKernel[input.id] = true;
      }
    }
    for (const output of graph.outputs) this.isOutput[output.id] = true;
  }

  /** Whether one reads what the other computes at other places than its own: that needs the whole result in memory. */
  #readsAcross(a: FusionGroup, b: FusionGroup): boolean {
    return [...a.nodes, ...b.nodes].some((node) =>
      node.inputs.some((operand) => {
        const other = this.#groups.of(operand.node);
        if (other !== a && other !== b) return false;
        // A kernel of its own finds its operands in memory.
        return node.kind === "kernel" || this.#scattered.has(operand.node) ||
          !(isWhole(operand) || this.#scattered.has(node));
      })
    );
  }

  /** Whether something else would have to run between the two. */
  #separated(a: FusionGroup, b: FusionGroup): boolean {
    return this.#groups.precedes(a, b, { through: true }) || this.#groups.precedes(b, a, { through: true });
  }

  /** Whether neither must run before the other. */
  #independent(a: FusionGroup, b: FusionGroup): boolean {
    return !this.#groups.precedes(a, b) && !this.#groups.precedes(b, a);
  }

  /** Whether one kernel may compute both. */
  #fits(a: FusionGroup, b: FusionGroup): boolean {
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

  /** Whether everything a group computes is used by one node alone. */
  #flowsInto(group: FusionGroup, node: Node): boolean {
    return group.nodes.every((member) =>
      !this.isOutput[member.id] &&
      this.consumers[member.id].every((consumer) => consumer === node || this.#groups.of(consumer) === group)
    );
  }

  /** The reduction that alone uses an element-wise node, where it can take the node in. */
  #soleReduction(node: Node): Node | undefined {
    const [consumer, ...others] = this.consumers[node.id];
    if (!consumer || others.length > 0 || this.isOutput[node.id] || consumer.kind !== "reduce") return undefined;
    const [operand] = consumer.inputs;
    return isWhole(operand) && reductionOf(consumer).direction ? consumer : undefined;
  }

  /** Whether a node's group can take in what is computed element by element of its result. */
  #extends(group: FusionGroup | undefined): group is FusionGroup {
    if (group?.kind === "map") return true;
    if (group?.kind !== "kernel") return false;
    const { lowering } = kernelOf(group.nodes).primitive!;
    return lowering.kind === "kernel" && lowering.takesEpilogue === true;
  }

  /** Lets a copy in another order be written by what computes its original. */
  #scatter(node: Node, group: FusionGroup): boolean {
    if (!scatterOf(node)) return false;
    const [operand] = node.inputs;
    const other = this.#groups.of(operand.node);
    if (!this.#extends(other) || this.#scattered.has(operand.node) || isWhole(operand)) return false;
    this.#scattered.add(node);
    const fits = !this.#readsAcross(other, group) && this.#fits(other, group) && !this.#separated(other, group);
    if (fits) this.#groups.merge(group, other);
    else this.#scattered.delete(node);
    return fits;
  }

  /** Lets the results of a loop on the same inputs be those of the same turns. */
  #joinLoop(node: Node, group: FusionGroup): void {
    const loop = paramsOf(loopPrimitive, { operation: node.primitive, params: node.params })?.loop;
    if (!loop) return;
    const inputs = node.inputs.map((operand) => operand.node.id);
    const key = `${loop.toJSON()} ${inputs} ${node.controlDependencies.map(({ id }) => id)}`;
    const known = this.#loops.get(key);
    if (known) this.#groups.merge(known, group);
    else this.#loops.set(key, group);
  }

  #join(node: Node, group: FusionGroup): void {
    if (node.kind === "loop") this.#joinLoop(node, group);
    else if (node.kind === "map") {
      if (this.#scatter(node, group)) return;
      const alone = this.#soleReduction(node) !== undefined;
      for (const operand of [...node.inputs].sort((a, b) => b.node.id - a.node.id)) {
        const other = this.#groups.of(operand.node);
        if (!this.#extends(other) || other === group) continue;
        // A kernel takes in what follows from its result, and one kernel does not take in another.
        if (other.kind === "kernel" && (group.kind === "kernel" || node.size === 1)) continue;
        if (operand.node.size !== node.size || !isWhole(operand) || this.#scattered.has(operand.node)) continue;
        if (alone && !this.#flowsInto(other, node)) continue;
        if (this.#readsAcross(other, group) || !this.#fits(other, group)) continue;
        if (!this.#separated(other, group)) this.#groups.merge(group, other);
      }
    } else if (node.kind === "reduce") {
      const [operand] = node.inputs;
      const other = this.#groups.of(operand.node);
      const takes = other?.kind === "map" && !this.#scattered.has(operand.node) && operand.node.kind === "map" &&
        isWhole(operand) &&
        reductionOf(node).direction !== undefined && this.#flowsInto(other, node) &&
        this.#fits(other, group);
      if (takes) this.#groups.merge(group, other);
    }
  }

  run(): Cluster[] {
    for (const node of this.graph.nodes) {
      if (node.kind !== "leaf" && node.kind !== "constant") {
        this.#join(node, this.#groups.add(node, node.kind, this.#weights.of(node)));
      }
    }
    // Kernels of a program that runs once would be others each time, and cost their compiling.
    if (this.isKept) {
      this.#fuseScalars();
      this.#fuseMapsHorizontally();
      this.#fuseProductsHorizontally();
    }
    const { inPlace, consumers } = this;
    return orderGroups(this.#groups, { inPlace, consumers }).map((group) => this.#clusterOf(group));
  }

  #isResult(node: Node, members: ReadonlySet<Node>): boolean {
    return this.isOutput[node.id] || this.consumers[node.id].some((consumer) => !members.has(consumer));
  }

  /** Joins work on single numbers where nothing else must run between: a dispatch costs more than what it computes. */
  #fuseScalars(): void {
    const { live } = this.#groups;
    const groups = [...live].filter(({ kind, nodes }) => kind === "map" && nodes[0].size === 1);
    groups.forEach((group, i) => {
      if (!live.has(group)) return;
      for (const other of groups.slice(i + 1)) {
        if (!live.has(other) || !this.#fits(group, other)) continue;
        if (this.#independent(group, other)) this.#groups.merge(group, other);
      }
    });
  }

  /** Lets element-wise work that is the same but for its tensors run as one: the update of all parameters, say. */
  #fuseMapsHorizontally(): void {
    const overwritten = new Set(this.inPlace.values());
    const families = new Map<string, { group: FusionGroup; part: Part }[]>();
    for (const group of this.#groups.live) {
      if (group.kind !== "map" || group.nodes.some((node) => this.#scattered.has(node))) continue;
      const nodes = inOrder(group);
      const members = new Set(nodes);
      const described = describePart(nodes, {
        isResult: (node) => this.#isResult(node, members),
        inPlace: this.inPlace,
        isOverwritten: (leaf) => overwritten.has(leaf),
      });
      if (!described) continue;
      const { key, part } = described;
      const family = families.get(key);
      if (family) family.push({ group, part });
      else families.set(key, [{ group, part }]);
    }
    for (const [first, ...others] of families.values()) {
      for (const { group, part } of others) {
        if (!this.#independent(first.group, group)) continue;
        this.#groups.merge(first.group, group);
        (first.group.parts ??= [first.part]).push(part);
      }
    }
  }

  /** Lets products, and reductions, that are the same but for their tensors run as one: of one input by several factors, say. */
  #fuseProductsHorizontally(): void {
    // A checkpoint computes again what is needed late, so that it is not kept until then: joining must not undo that.
    const savesMemory = this.graph.nodes.some(({ controlDependencies }) => controlDependencies.length > 0);
    const families = new Map<string, { group: FusionGroup; products: Product[] }[]>();
    for (const group of this.#groups.live) {
      if (group.nodes.some((node) => this.#scattered.has(node))) continue;
      const nodes = inOrder(group);
      const members = new Set(nodes);
      const described = group.kind === "kernel"
        ? describeProduct(nodes, (node) => this.#isResult(node, members))
        : group.kind === "reduce"
        ? describeReduction(nodes)
        : undefined;
      if (!described) continue;
      const { key, product } = described;
      const family = families.get(key) ?? [];
      families.set(key, family);
      const first = family.find((other) =>
        mayWait(other.products[0], product, { savesMemory }) && this.#independent(other.group, group)
      );
      if (!first) {
        family.push({ group, products: [product] });
        continue;
      }
      this.#groups.merge(first.group, group);
      first.products.push(product);
      first.group.products = first.products;
    }
  }

  #clusterOf(group: FusionGroup): Cluster {
    const { kind, parts, products } = group;
    const nodes = inOrder(group);
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
