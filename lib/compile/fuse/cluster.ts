import { type Shape, sizeOf } from "../../tensor/shape.ts";
import { invertView, type View } from "../../tensor/view.ts";
import { copyPrimitive, type Node, type Operand } from "../graph/graph.ts";

/** One of several element-wise computations that differ in their tensors alone. */
export interface Part {
  readonly nodes: readonly Node[];
  /** The tensors that it reads and writes, element by element, each in the place that it has in the other parts. */
  readonly tensors: readonly Node[];
  /** What it reads at other places: one number for a row, say. In every part they are as far from those of the last one. */
  readonly spread: readonly Operand[];
}

/**
 * One of several products that differ in their tensors alone, with the element-wise work on its result; or a reduction with
 * that on what flows into it.
 */
export interface Product {
  readonly nodes: readonly Node[];
  /** The node that is the product, whose operands are read where they lie, or the reduction. */
  readonly kernel: Node;
  /** Tensors that the work reads, element by element: of the size of a product's result, or of what is reduced. */
  readonly others: readonly Node[];
  readonly results: readonly Node[];
}

/** Nodes that one kernel computes: element-wise ones together, or a reduction with what flows into it alone. */
export interface Cluster {
  readonly kind: "map" | "reduce" | "place" | "kernel" | "loop";
  /**
   * In topological order; the last one is what a reduction or placement is, one of them what a kernel is; of a loop all
   * results that are needed.
   */
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

/** How a reduction runs. */
export interface Reduction {
  readonly axes: readonly number[];
  /** How many cells there are, each of which is reduced as if it were alone; 1 where there is no axis of cells. */
  readonly cells: number;
  /** Whether it runs along whole rows, whole columns or neither of how a cell's operand lies. */
  readonly direction: "row" | "column" | undefined;
}

function directionOf(shape: Shape, axes: readonly number[]): "row" | "column" | undefined {
  const kept = [...shape.keys()].filter((axis) => !axes.includes(axis) && shape[axis] !== 1);
  const reduced = axes.filter((axis) => shape[axis] !== 1);
  if (reduced.every((axis) => kept.every((other) => other < axis))) return "row";
  if (reduced.every((axis) => kept.every((other) => other > axis))) return "column";
  return undefined;
}

/** How a node that is a reduction runs. */
export function reductionOf(node: Node): Reduction {
  const lowering = node.primitive!.lowering;
  if (lowering.kind !== "reduce") throw new Error(`internal: ${node.primitive!.name} is no reduction`);
  const axes = lowering.axes(node.params);
  const cellAxes = lowering.cellAxes(node.params);
  const [{ view: { shape } }] = node.inputs;
  const direction = directionOf(shape.slice(cellAxes), axes.map((axis) => axis - cellAxes));
  return { axes, cells: sizeOf(shape.slice(0, cellAxes)), direction };
}

/** The node of a cluster that has a kernel of its own. */
export function kernelOf(nodes: readonly Node[]): Node {
  const node = nodes.find(({ kind }) => kind === "kernel");
  if (!node) throw new Error("internal: a kernel's cluster holds no kernel");
  return node;
}

/** The parts of a joined cluster one by one; another cluster as it is. */
export function takeApart(cluster: Cluster): Cluster[] {
  const parts = cluster.parts ?? cluster.products;
  if (!parts) return [cluster];
  const results = new Set(cluster.outputs);
  return parts.map(({ nodes }) => {
    const outputs = nodes.filter((node) => results.has(node));
    return { ...cluster, nodes, outputs, parts: undefined, products: undefined };
  });
}
