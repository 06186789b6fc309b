import { loopPrimitive } from "../../ops/loop.ts";
import { paramsOf } from "../../ops/primitive.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Cluster, kernelOf } from "../fuse/cluster.ts";
import { type Graph, isWhole, type Node, type Operand } from "../graph/graph.ts";

function addTo<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

/**
 * Chooses for each result the donated leaf whose buffer it will take over: the next one of its shape and dtype, whatever
 * axes of length 1 there are.
 */
export function pairDonations(graph: Graph, donated: ReadonlySet<Tensor>): Map<Node, Node> {
  const pairs = new Map<Node, Node>();
  const results = new Set(graph.outputs);
  const open = new Map<string, Node[]>();
  const signature = ({ dtype, shape }: Node) => `${dtype} ${shape.filter((size) => size !== 1)}`;
  for (const node of graph.nodes) {
    if (!node.leaf || !donated.has(node.leaf) || results.has(node)) continue;
    addTo(open, signature(node), node);
  }
  const order = new Map([...donated].map((tensor, i) => [tensor, i]));
  // The first one is taken from the end.
  for (const list of open.values()) list.sort((a, b) => order.get(b.leaf!)! - order.get(a.leaf!)!);
  for (const node of results) {
    // A constant among the results stands for one without elements.
    if (node.kind === "leaf" || node.kind === "constant") continue;
    const leaf = open.get(signature(node))?.pop();
    if (leaf) pairs.set(node, leaf);
  }
  return pairs;
}

/** What a body gives for each tensor that it takes, by the leaves; leaves that it does not read are left out. */
export function pairCarried(graph: Graph, carried: readonly Tensor[]): Map<Node, Node> {
  const leaves = new Map(graph.nodes.flatMap((node) => node.leaf ? [[node.leaf, node]] : []));
  return new Map(carried.flatMap((tensor, i) => {
    const leaf = leaves.get(tensor);
    return leaf ? [[graph.outputs[i], leaf]] : [];
  }));
}

/** Keeps the pairs whose result can be written straight into the leaf's buffer, in the order in which clusters run. */
export function directPairs(clusters: readonly Cluster[], pairs: ReadonlyMap<Node, Node>): Map<Node, Node> {
  const readers = new Map<Node, number[]>();
  clusters.forEach((cluster, position) => {
    for (const node of cluster.nodes) {
      for (const { node: input } of node.inputs) if (input.leaf) addTo(readers, input, position);
    }
  });
  const direct = new Map<Node, Node>();
  clusters.forEach((cluster, position) => {
    const reads = new Map<Node, Operand[]>();
    for (const { inputs } of cluster.nodes) {
      for (const operand of inputs) if (operand.node.leaf) addTo(reads, operand.node, operand);
    }
    for (const node of cluster.outputs) {
      const leaf = pairs.get(node);
      if (!leaf) continue;
      const positions = readers.get(leaf) ?? [];
      if (positions.some((reader) => reader > position)) continue;
      const own = reads.get(leaf);
      if (own && !readsInStep(cluster, node, { leaf, reads: own })) continue;
      direct.set(node, leaf);
    }
  });
  return direct;
}

/** Whether a loop reads a leaf for nothing but to begin with it what becomes this result, or not at all. */
function onlyBecomes(node: Node, leaf: Node): boolean {
  const params = paramsOf(loopPrimitive, { operation: node.primitive, params: node.params });
  const input = params?.loop.inputOfCarry(params.output);
  return node.inputs.every((operand, i) => (operand.node === leaf) === (i === input));
}

/** Whether a cluster reads a leaf only element by element with what it writes there. */
function readsInStep(
  cluster: Cluster,
  node: Node,
  { leaf, reads }: { readonly leaf: Node; readonly reads: readonly Operand[] },
): boolean {
  if (cluster.scattered.has(node)) return false;
  if (cluster.kind === "loop") return onlyBecomes(node, leaf);
  if (cluster.kind === "map") return reads.every(isWhole);
  if (cluster.kind === "kernel" && node.kind === "map") {
    return reads.every(isWhole) && !kernelOf(cluster.nodes).inputs.some((operand) => operand.node === leaf);
  }
  const lowering = node.primitive!.lowering;
  return lowering.kind === "kernel" && lowering.inPlace !== undefined && reads.length === 1 &&
    node.inputs[lowering.inPlace].node === leaf && isWhole(reads[0]);
}
