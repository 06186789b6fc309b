import type { Tensor } from "../tensor/tensor.ts";

/** Pending computations from outside that a traced function uses: what is older than its first tensor. */
export function capturedNodes(outputs: readonly Tensor[], firstId: number): Tensor[] {
  const seen = new Set<Tensor>(outputs);
  const stack = [...outputs];
  const found: Tensor[] = [];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (node.state.kind !== "node") continue;
    if (node.id < firstId) {
      found.push(node);
      continue;
    }
    for (const input of node.state.inputs) {
      if (!seen.has(input)) stack.push(input);
      seen.add(input);
    }
  }
  return found;
}
