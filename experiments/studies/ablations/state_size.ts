import { equalParameters, type RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { treeLeaves } from "../../../lib/tensor/mod.ts";
import type { Inputs } from "../../runner/data/inputs.ts";
import { runFunctions } from "../../runner/train/prepare.ts";

/** How large what a run trains and keeps is. */
export interface StateSize {
  /** Parameters that the optimizer moves, heads among them. */
  readonly parameters: number;
  /**
   * Bytes that a run keeps from step to step beside a whole model: what the method adds to it, the optimizer's moments, and
   * what the method keeps for itself.
   */
  readonly bytes: number;
}

/** In what sizes of methods are made equal. */
export type Budget = keyof StateSize;

/** A method at the size that comes nearest to another one's. */
export interface Fitted {
  /** The rank; none where the method has no such option, so that it is as it is. */
  readonly rank?: number;
  readonly size: StateSize;
  /** By what share of the budget it lies above it: −0.1 for a tenth too little. */
  readonly deviation: number;
}

/** Sizes that differ by no more than this share count as equal. */
export const NEAR = 0.1;

/** Whether a size is near enough to be held against the one that it was fitted to. */
export function isNear({ deviation }: Fitted): boolean {
  return Math.abs(deviation) <= NEAR;
}

const elements = (tree: Parameters<typeof treeLeaves>[0]) => treeLeaves(tree).reduce((sum, { size }) => sum + size, 0);

/** Gives the sizes of runs, each from the shapes of its first state: nothing is computed. */
export async function sizesOf(spec: RunSpec, inputs: Inputs): Promise<(method: RunSpec["method"]) => StateSize> {
  const [model, task] = [await inputs.model(spec.model.weights), await inputs.task(spec)];
  return (method) => {
    const { begin, params, method: made } = runFunctions({ ...spec, method }, { model, task });
    const state = begin(0);
    const { trainableParameters, totalParameters } = made.describe(state);
    const added = totalParameters - elements(params(0));
    return {
      parameters: trainableParameters,
      bytes: 4 * (added + elements(state.aux) + elements(state.optimizer)),
    };
  };
}

/** A method's options at a rank, its α so that α/r stays what it was. */
export function atRank(method: RunSpec["method"], rank: number): RunSpec["method"] {
  const { alpha, rank: before } = method;
  return { ...method, rank, ...alpha !== undefined && { alpha: Number(alpha) / Number(before) * rank } };
}

/**
 * A method at the rank whose size comes nearest to a wanted one; of two that come as near, the lower. A method without a rank
 * stays as it is.
 */
export async function fittedTo(
  wanted: StateSize,
  { spec, by, inputs }: { readonly spec: RunSpec; readonly by: Budget; readonly inputs: Inputs },
): Promise<Fitted> {
  const sizeOf = await sizesOf(spec, inputs);
  if (spec.method.rank === undefined) {
    const size = sizeOf(spec.method);
    return { size, deviation: size[by] / wanted[by] - 1 };
  }
  const counts = { fitted: (rank: number) => sizeOf(atRank(spec.method, rank))[by] };
  const [{ rank, deviation }] = equalParameters(wanted[by], counts, { maxRank: spec.model.hiddenSize });
  return { rank, size: sizeOf(atRank(spec.method, rank)), deviation };
}
