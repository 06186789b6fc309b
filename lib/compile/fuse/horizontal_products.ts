import { isWhole, type Node } from "../graph/graph.ts";
import { type Product, reductionOf } from "./cluster.ts";
import { paramsKey } from "../graph/params_key.ts";

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
  if (!isWhole(operand) || kernel.controlDependencies.length > 0) return undefined;
  // The columns of several cells are several reductions already.
  const { cells, direction } = reductionOf(kernel);
  if (cells !== 1 && direction === "column") return undefined;
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
    if (node.primitive!.name === "arange" || node.controlDependencies.length > 0) return undefined;
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
 * and small ones not much, which is too much where memory is to be saved.
 */
export function mayWait(a: Product, b: Product, { savesMemory }: { readonly savesMemory: boolean }): boolean {
  const isSmall = ({ kernel, others }: Product) =>
    [kernel, ...others, ...kernel.inputs.map(({ node }) => node)].every(({ size }) => size <= SMALL);
  return haveCommonOperand(a, b) || (!savesMemory && isSmall(a) && isSmall(b));
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
