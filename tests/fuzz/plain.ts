import { type Tensor, treeLeaves } from "../../lib/tensor/mod.ts";
import { buildStep, firstOptimizerState, hostTensor, resultsOf, type StepResult, type Values } from "./build.ts";
import type { Program } from "./program.ts";
import { unnoticed } from "./unnoticed.ts";

/** A program's first step as a graph on host data, in the plainest form. */
export function plainStep(program: Program): { readonly leaves: Values; readonly result: StepResult } {
  return unnoticed(() => {
    const leaves = hostLeaves(program);
    return { leaves, result: buildStep(program, leaves, firstOptimizerState(program, leaves), "plain") };
  });
}

/** What a program must give after all its steps, as a graph on host data in the plainest form. */
export function plainResults(program: Program): Tensor[] {
  return unnoticed(() => {
    let leaves = hostLeaves(program);
    let optimizer = firstOptimizerState(program, leaves);
    for (let i = 1; i < (program.loop?.steps ?? 1); i++) {
      const { carried, optimizer: next } = buildStep(program, leaves, optimizer, "plain");
      leaves = { ...leaves, ...carried };
      optimizer = next;
    }
    return treeLeaves(resultsOf(buildStep(program, leaves, optimizer, "plain")));
  });
}

/** Leaves by name, all as host data; one tensor for those that share it. */
export function hostLeaves({ leaves }: Program): Values {
  const values: Record<string, Tensor> = {};
  for (const [i, leaf] of leaves.entries()) {
    values[`a${i}`] = leaf.same === undefined ? hostTensor(leaf) : values[`a${leaf.same}`];
  }
  return values;
}
