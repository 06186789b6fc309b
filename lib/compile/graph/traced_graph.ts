import { idOf, stateOf, type Tensor } from "../../tensor/tensor.ts";

/** What a traced function's outputs are made of. */
export interface TracedGraph {
  /** Nodes that the function made: of no use once there is a plan. */
  readonly made: readonly Tensor[];
  /** What a plan takes as it is: tensors from outside, computed or not, constants, and what has no elements. */
  readonly captured: readonly Tensor[];
}

/** Walks the graph of a traced function. What is older than its first tensor was made outside of it. */
export function walkTrace(outputs: readonly Tensor[], firstId: number): TracedGraph {
  const seen = new Set<Tensor>(outputs);
  const stack = [...seen];
  const made: Tensor[] = [];
  const captured: Tensor[] = [];
  for (let tensor = stack.pop(); tensor; tensor = stack.pop()) {
    const { size } = tensor;
    const state = stateOf(tensor);
    const id = idOf(tensor);
    if (state.kind === "argument") continue;
    if (state.kind !== "node" || id < firstId || size === 0) {
      captured.push(tensor);
      continue;
    }
    made.push(tensor);
    for (const input of state.inputs) {
      if (!seen.has(input)) stack.push(input);
      seen.add(input);
    }
  }
  return { made, captured };
}
