import { isWhole, type Node } from "./graph.ts";

/** Larger tensors keep the device busy by themselves. */
const MAX_ELEMENTS = 2 ** 18;

/** One of several element-wise computations that differ in their tensors alone. */
export interface Part {
  readonly nodes: readonly Node[];
  /** The tensors that it reads and writes, element by element, each in the place that it has in the other parts. */
  readonly tensors: readonly Node[];
}

/**
 * Describes an element-wise computation by all but its tensors: those of equal descriptions can run as one, if their
 * tensors lie side by side. `undefined` where elements depend on more than what stands at their own place.
 */
export function describePart(
  nodes: readonly Node[],
  { isResult, inPlace, isOverwritten }: {
    readonly isResult: (node: Node) => boolean;
    readonly inPlace: ReadonlyMap<Node, Node>;
    readonly isOverwritten: (leaf: Node) => boolean;
  },
): { readonly key: string; readonly part: Part } | undefined {
  const { size } = nodes[0];
  if (size === 1 || size > MAX_ELEMENTS) return undefined;
  const names = new Map<Node, string>();
  const tensors: Node[] = [];
  const lines: string[] = [];
  const nameOf = (node: Node) => {
    const name = names.get(node) ?? `x${tensors.length}`;
    if (!names.has(node)) tensors.push(node);
    names.set(node, name);
    return name;
  };
  for (const node of nodes) {
    if (node.primitive!.name === "arange" || node.after.length > 0) return undefined;
    const args: string[] = [];
    for (const operand of node.inputs) {
      const { node: input } = operand;
      if (input.kind === "constant") args.push(`c${JSON.stringify(input.params)}${input.dtype}`);
      else if (input.size === 1) args.push(`s${input.id}`);
      else if (!isWhole(operand) || input.size !== size) return undefined;
      else if (input.leaf && !isOverwritten(input)) return undefined;
      else args.push(`${nameOf(input)}${input.dtype}`);
    }
    const name = `v${names.size}`;
    names.set(node, name);
    lines.push(`${name}=${node.primitive!.name}${JSON.stringify(node.params)}${node.dtype}(${args})`);
  }
  for (const node of nodes) {
    if (!isResult(node)) continue;
    const leaf = inPlace.get(node);
    lines.push(`${names.get(node)}>${leaf ? names.get(leaf) ?? "leaf" : ""}`);
    tensors.push(node);
  }
  return { key: lines.join(";"), part: { nodes, tensors } };
}
