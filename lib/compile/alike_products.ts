import { isWhole, type Node, type Operand } from "./graph.ts";
import { paramsKey } from "./params_key.ts";

/** Memory in which a tensor lies, by whatever stands for it, and the first element there. */
export interface MemoryPlace {
  readonly memory: unknown;
  readonly first: number;
}

/** Where tensors lie that have the same place in all joined products, in elements. */
export interface Spread {
  readonly memory: unknown;
  readonly first: number;
  /** From one product to the next; 0 where all have the same tensor. */
  readonly step: number;
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

/** Tensors up to this size may be kept for longer, so that products without a common operand run together. */
const SMALL = 2 ** 16;

/**
 * Describes a product by all but its tensors and where they begin: those of equal descriptions can run as one, if the
 * tensors are equally far apart. `undefined` for kernels that cannot, and where elements of the result meet others than
 * those at their own place.
 */
export function describeProduct(
  nodes: readonly Node[],
  isResult: (node: Node) => boolean,
): { readonly key: string; readonly product: Product } | undefined {
  const kernel = nodes.find(({ kind }) => kind === "kernel");
  const lowering = kernel?.primitive?.lowering;
  if (!kernel || lowering?.kind !== "kernel" || !lowering.batches || kernel.shape.length !== 2) return undefined;
  // Tensors that are laid side by side are counted in elements of four bytes.
  if (kernel.inputs.some(({ node }) => node.dtype === "f16" && !node.leaf)) return undefined;
  const operands = kernel.inputs.map(({ node, view: { shape, strides } }) => `${node.dtype} ${shape}:${strides}`);
  const lines = [`${kernel.primitive!.name} ${paramsKey(kernel.params)} ${kernel.shape} ${operands.join(" ")}`];
  const work = describeWork(nodes.filter((node) => node !== kernel), { from: kernel, size: kernel.size });
  if (!work) return undefined;
  const { others, names } = work;
  lines.push(...work.lines);
  const results = nodes.filter(isResult);
  lines.push(...results.map((node) => `>${names.get(node)}`));
  return { key: lines.join(";"), product: { nodes, kernel, others, results } };
}

/** Describes a reduction likewise; `undefined` where it is not of whole tensors. */
export function describeReduction(
  nodes: readonly Node[],
): { readonly key: string; readonly product: Product } | undefined {
  const kernel = nodes[nodes.length - 1];
  const [operand] = kernel.inputs;
  if (!isWhole(operand) || kernel.after.length > 0) return undefined;
  const { node: input, view } = operand;
  const work = describeWork(nodes.slice(0, -1), { size: input.size });
  // A tensor of one element is read as the single number that it is, at one place for all.
  if (!work || input.size <= 1 || input.dtype === "f16" || input.kind === "constant") return undefined;
  const { others, names, lines } = work;
  if (nodes.length === 1) others.push(input);
  const axes = paramsKey(kernel.params);
  const key = [...lines, `${kernel.primitive!.name}${axes}${view.shape}${input.dtype}(${names.get(input) ?? "x"})`];
  return { key: key.join(";"), product: { nodes, kernel, others, results: [kernel] } };
}

/** Element-wise work in words, with the tensors that it reads; `undefined` where elements meet others than their own. */
function describeWork(nodes: readonly Node[], { from, size }: { readonly from?: Node; readonly size: number }) {
  const names = new Map<Node, string>(from && [[from, "v"]]);
  const lines: string[] = [];
  const others: Node[] = [];
  for (const node of nodes) {
    if (node.primitive!.name === "arange" || node.after.length > 0) return undefined;
    const args: string[] = [];
    for (const operand of node.inputs) {
      const { node: input } = operand;
      if (input.kind === "constant") args.push(`c${paramsKey(input.params)}${input.dtype}`);
      else if (input.size === 1) args.push(`s${input.id}`);
      else if (!isWhole(operand) || input.size !== size || input.dtype === "f16") return undefined;
      else {
        if (!names.has(input)) {
          names.set(input, `x${others.length}`);
          others.push(input);
        }
        args.push(`${names.get(input)}${input.dtype}`);
      }
    }
    names.set(node, `v${lines.length}`);
    lines.push(`${node.primitive!.name}${paramsKey(node.params)}${node.dtype}(${args})`);
  }
  return { names, lines, others };
}

/**
 * Whether products may wait for each other: those with a common operand keep nothing for longer than they would apart,
 * and small ones not much.
 */
export function mayWait(a: Product, b: Product): boolean {
  const isSmall = ({ kernel, others }: Product) =>
    [kernel, ...others, ...kernel.inputs.map(({ node }) => node)].every(({ size }) => size <= SMALL);
  return haveCommonOperand(a, b) || (isSmall(a) && isSmall(b));
}

function haveCommonOperand(a: Product, b: Product): boolean {
  return a.kernel.inputs.some(({ node }, i) => b.kernel.inputs[i].node === node);
}

/** Products in groups with a common operand. */
export function byOperand(products: readonly Product[]): Product[][] {
  const groups: Product[][] = [];
  for (const product of products) {
    const group = groups.find(([first]) => haveCommonOperand(first, product));
    if (group) group.push(product);
    else groups.push([product]);
  }
  return groups;
}

/** A tensor as it lies. */
export function whole(node: Node): Operand {
  const strides = node.shape.map((_, axis) => node.shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  return { node, view: { shape: node.shape, strides, offset: 0 } };
}

/** What has the same place in all products: operands that are read where they lie, and what lies as the results do. */
export function productColumns(
  products: readonly Product[],
): {
  readonly operands: readonly Operand[][];
  readonly others: readonly Node[][];
  readonly results: readonly Node[][];
} {
  const columns = <T>(of: (product: Product) => readonly T[]): T[][] =>
    of(products[0]).map((_, i) => products.map((product) => of(product)[i]));
  return {
    operands: columns(({ kernel }) => kernel.kind === "kernel" ? kernel.inputs : []),
    others: columns(({ others }) => others),
    results: columns(({ results }) => results),
  };
}

/** How a column is spread; `undefined` where its tensors lie in several memories, or at uneven distances. */
export function spreadOf(column: readonly Operand[], placeOf: (node: Node) => MemoryPlace): Spread | undefined {
  const places = column.map(({ node, view }) => {
    const { memory, first } = placeOf(node);
    return { memory, first: first + view.offset };
  });
  const [{ memory, first }, second] = places;
  const step = second.first - first;
  const isEven = places.every((place, i) => place.memory === memory && place.first === first + i * step);
  return isEven ? { memory, first, step } : undefined;
}
