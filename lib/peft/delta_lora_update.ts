import { add, full, greater, mul, where } from "../ops/mod.ts";
import type { LowRank } from "../ops/low_rank.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tensor/tree.ts";

/** What one target of Delta-LoRA carries from step to step. */
export interface DeltaLoraState<OptimizerState = Tree> {
  /** `[r, in]`. */
  readonly A: Tensor;
  /** `[out, r]`. */
  readonly B: Tensor;
  /** State of the optimizer for `{ A, B }`. */
  readonly optimizer: OptimizerState;
  /** Updates done: a number, or an i32 scalar inside `jit`. */
  readonly step: number | Tensor;
}

/** Settings of {@linkcode deltaLoraUpdate}. */
export interface DeltaLoraUpdateOptions<OptimizerState = Tree> {
  readonly optimizer: Optimizer<OptimizerState>;
  /** α: the factors weigh α/r in the forward pass. */
  readonly alpha: number;
  /** λ: weight of the change that W receives. */
  readonly lambda: number;
  /** K: W moves from update K + 1 on, counted from 0; −1 for the first, 0 by default. */
  readonly startStep?: number;
}

/** Half way from a factor before a step to the one after it. */
const midway = (before: Tensor, update: Tensor) => add(before, mul(update, 0.5));

/**
 * The change of W that follows from a step of the factors: λ·(α/r)·(B′A′ − BA), as one factored matrix of rank ≤ 2r
 * (2309.02411, equation 6), formed from the updates so that nothing cancels: λ·(α/r)·[ΔB, B + ΔB/2]·[A + ΔA/2; ΔA]. Both
 * factors take the same work, so that one dispatch can do it for all of them beside their update.
 */
export function factoredDelta(
  before: { readonly A: Tensor; readonly B: Tensor },
  updates: { readonly A: Tensor; readonly B: Tensor },
  scale: Tensor | number,
): LowRank {
  const { A, B } = before;
  return {
    left: [updates.B, midway(B, updates.B)],
    right: [midway(A, updates.A), updates.A],
    scale,
  };
}

/**
 * One step of Delta-LoRA (2309.02411) on plain tensors. The optimizer's updates ΔA and ΔB are the step; the change of W
 * follows from them alone:
 *
 *     W ← W + λ·(α/r)·(B′A′ − BA)   where step > K
 *
 * Pure: nothing passed in is changed. There is no gradient of W, there are no moments of W and no copy of the last step.
 * `deltaW` is a factored matrix for {@linkcode addLowRank}; while a number `step` is at most K it is `undefined`; where
 * `step` is a tensor it is always there, and its scale is 0 up to K.
 */
export function deltaLoraUpdate<OptimizerState>(
  state: DeltaLoraState<OptimizerState>,
  grads: { readonly A: Tensor; readonly B: Tensor },
  options: DeltaLoraUpdateOptions<OptimizerState>,
): { state: DeltaLoraState<OptimizerState>; deltaW: LowRank | undefined } {
  const { optimizer, alpha, lambda, startStep = 0 } = options;
  const { A, B, step } = state;
  const factor = lambda * alpha / A.shape[0];
  const { updates, state: moments } = optimizer.update(grads, state.optimizer, { A, B });
  const next = {
    A: add(A, updates.A),
    B: add(B, updates.B),
    optimizer: moments,
    step: step instanceof Tensor ? add(step, 1) : step + 1,
  };
  if (!(step instanceof Tensor)) {
    return { state: next, deltaW: step > startStep ? factoredDelta({ A, B }, updates, factor) : undefined };
  }
  return { state: next, deltaW: factoredDelta({ A, B }, updates, deltaScale(step, startStep, factor)) };
}

/** `factor` from the update after K on, 0 before. */
export function deltaScale(step: Tensor, startStep: number, factor: number): Tensor {
  return where(greater(step, startStep), full([], factor), 0);
}
