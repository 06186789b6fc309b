import { add, full, greater, where } from "../ops/mod.ts";
import type { LowRank } from "../ops/low_rank.ts";
import type { Optimizer, Schedule } from "../optim/optimizer.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tensor/tree.ts";
import type { Factors } from "./factors.ts";

/** What one target of Delta-LoRA carries from step to step. */
export interface DeltaLoraState<OptimizerState = Tree> extends Factors {
  /** State of the optimizer for `{ A, B }`. */
  readonly optimizer: OptimizerState;
  /** Updates done: a number, or an i32 scalar inside `jit`. */
  readonly step: number | Tensor;
}

/** Settings of {@linkcode deltaLoraUpdate}. */
export interface DeltaLoraUpdateOptions<OptimizerState = Tree> {
  /** What makes updates of gradients. */
  readonly optimizer: Optimizer<OptimizerState>;
  /** α: the factors weigh α/r in the forward pass. */
  readonly alpha: number;
  /** λ: weight of the change that W receives. */
  readonly lambda: number;
  /** K: W moves in updates whose number, from 0, is above this one; −1 for all of them, 0 by default. */
  readonly startStep?: number;
}

/** How much of a step's change W receives, and from which step on. */
export interface DeltaLoraRule {
  /** λ, a number or an f32 scalar, or λ by step. */
  readonly lambda: number | Tensor | Schedule;
  /** α/r, a number or an f32 scalar. */
  readonly scale: number | Tensor;
  /** K, a number or an i32 scalar. */
  readonly startStep: number | Tensor;
}

/** Whether W moves in a step, which counts from 0: a bool scalar. */
export function movesAt(step: Tensor, { startStep }: Pick<DeltaLoraRule, "startStep">): Tensor {
  return greater(step, startStep);
}

/** λ·(α/r) of a step in which W moves, a product in f32. */
export function weightAt(step: Tensor, { lambda, scale }: Pick<DeltaLoraRule, "lambda" | "scale">): Tensor {
  if (typeof lambda === "function") return lambda(step).mul(scale);
  return (typeof lambda === "number" ? full([], lambda) : lambda).mul(scale);
}

/** Half way from a factor before a step to the one after it. */
const midway = (before: Tensor, update: Tensor) => before.add(update.mul(0.5));

/**
 * The change of W that follows from a step of the factors, λ·(α/r)·(B′A′ − BA), as one factored matrix of rank ≤ 2r
 * ([Delta-LoRA](https://arxiv.org/abs/2309.02411), equation 6), `[out, in]`. It is formed from the updates so that
 * nothing cancels: λ·(α/r)·[ΔB, B + ΔB/2]·[A + ΔA/2; ΔA]. `scale` is λ·(α/r). Both factors take the same work, so that
 * one dispatch can do it for all of them beside their update.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const before = { A: dd.tensor([[1, 2]]), B: dd.tensor([[1], [1]]) };
 * const updates = { A: dd.tensor([[1, 0]]), B: dd.tensor([[0], [2]]) };
 * const change = dd.peft.factoredDelta(before, updates, 1); // B′A′ − BA
 * console.log(await dd.addLowRank(dd.zeros([2, 2]), change).data()); // Float32Array [1, 0, 5, 4]
 * ```
 */
export function factoredDelta(before: Factors, updates: Factors, scale: Tensor | number): LowRank {
  const { A, B } = before;
  return {
    left: [updates.B, midway(B, updates.B)],
    right: [midway(A, updates.A), updates.A],
    scale,
  };
}

/**
 * What W receives for a step that moves factors by updates: {@linkcode factoredDelta} at the rule's scale, which is 0 up to
 * K. `step` is an i32 scalar.
 */
export function deltaOfStep(before: Factors, updates: Factors, step: Tensor, rule: DeltaLoraRule): LowRank {
  return factoredDelta(before, updates, where(movesAt(step, rule), weightAt(step, rule), 0));
}

/**
 * One step of Delta-LoRA ([2309.02411](https://arxiv.org/abs/2309.02411)) on the factors of one weight, as plain
 * tensors in any loop. The optimizer's updates ΔA and ΔB are the step; the change of W follows from them alone:
 *
 * W ← W + λ·(α/r)·(B′A′ − BA)   where step > K
 *
 * It is pure: nothing passed in is changed. There is no gradient of W, there are no moments of W and no copy of the
 * last step. `deltaW` is a factored matrix `[out, in]` for {@linkcode addLowRank}; while a number `step` is at most K
 * it is `undefined`; where `step` is a tensor it is always there, and its scale is 0 up to K.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const [W, A, B] = [dd.zeros([2, 2]), dd.tensor([[1, 2]]), dd.tensor([[0], [0]])];
 * const optimizer = dd.optim.sgd({ learningRate: 1 });
 * const grads = { A: dd.tensor([[0, 0]]), B: dd.tensor([[-1], [1]]) };
 * const options = { optimizer, alpha: 1, lambda: 0.5, startStep: -1 };
 * const before = { A, B, optimizer: optimizer.init({ A, B }), step: 0 };
 * const { state, deltaW } = dd.peft.deltaLoraUpdate(before, grads, options);
 * console.log(await state.B.data()); // Float32Array [1, -1]
 * console.log(await dd.addLowRank(W, deltaW!).data()); // Float32Array [0.5, 1, -0.5, -1]
 * ```
 */
export function deltaLoraUpdate<OptimizerState>(
  state: DeltaLoraState<OptimizerState>,
  grads: Factors,
  options: DeltaLoraUpdateOptions<OptimizerState>,
): { state: DeltaLoraState<OptimizerState>; deltaW: LowRank | undefined } {
  const { optimizer, alpha, lambda, startStep = 0 } = options;
  const { A, B, step } = state;
  const rule = { lambda, scale: alpha / A.shape[0], startStep };
  const { updates, state: moments } = optimizer.update(grads, state.optimizer, { A, B });
  const next = { A: A.add(updates.A), B: B.add(updates.B), optimizer: moments };
  if (step instanceof Tensor) {
    return { state: { ...next, step: add(step, 1) }, deltaW: deltaOfStep({ A, B }, updates, step, rule) };
  }
  // The same product as a tensor's: of two f32, rounded once.
  const weight = Math.fround(lambda) * Math.fround(rule.scale);
  const deltaW = step > startStep ? factoredDelta({ A, B }, updates, weight) : undefined;
  return { state: { ...next, step: step + 1 }, deltaW };
}
