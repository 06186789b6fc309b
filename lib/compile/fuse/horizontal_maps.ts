import { alignedBytes } from "../../device/alignment.ts";
import { isWhole, type Node, type Operand } from "../graph/graph.ts";
import type { Part } from "./cluster.ts";
import { paramsKey } from "../graph/params_key.ts";

/** Larger tensors keep the device busy by themselves. */
const MAX_ELEMENTS = 2 ** 18;

/** Whether elements behind a part's last one, up to where the next part begins, have a place in a view. */
function reachesOn({ node, view }: Operand, size: number): boolean {
  return node.dtype !== "f16" && (alignedBytes(4 * size) === 4 * size || view.shape.length === 1);
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
  const spread: Operand[] = [];
  const lines: string[] = [];
  const nameOf = (node: Node) => {
    const name = names.get(node) ?? `x${tensors.length}`;
    if (!names.has(node)) tensors.push(node);
    names.set(node, name);
    return name;
  };
  for (const node of nodes) {
    if (node.primitive!.name === "arange" || node.controlDependencies.length > 0) return undefined;
    const args: string[] = [];
    for (const operand of node.inputs) {
      const { node: input } = operand;
      // Two elements of f16 share a word: what lies side by side is counted in elements of four bytes.
      if (input.dtype === "f16") return undefined;
      if (input.kind === "constant") args.push(`c${paramsKey(input.params)}${input.dtype}`);
      else if (input.size === 1) args.push(`s${input.id}`);
      else if (isWhole(operand) && input.size === size) {
        if (input.leaf && !isOverwritten(input)) return undefined;
        args.push(`${nameOf(input)}${input.dtype}`);
      } else {
        if (names.has(input) || !reachesOn(operand, size)) return undefined;
        // Memory of the caller's lies where it lies: only the same one is at even distances for sure.
        const id = input.leaf && !isOverwritten(input) ? input.id : "";
        spread.push(operand);
        args.push(`w${id}:${operand.view.shape}:${operand.view.strides}:${input.size}${input.dtype}`);
      }
    }
    const name = `v${names.size}`;
    names.set(node, name);
    lines.push(`${name}=${node.primitive!.name}${paramsKey(node.params)}${node.dtype}(${args})`);
  }
  for (const node of nodes) {
    if (!isResult(node)) continue;
    const leaf = inPlace.get(node);
    lines.push(`${names.get(node)}>${leaf ? names.get(leaf) ?? "leaf" : ""}`);
    tensors.push(node);
  }
  return { key: lines.join(";"), part: { nodes, tensors, spread } };
}
