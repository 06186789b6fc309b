import type { Tensor } from "../tensor/tensor.ts";
import { requireScalar } from "../ops/scalar.ts";
import { addDecayedWeights } from "./adamw.ts";
import { applyUpdates } from "./apply_updates.ts";
import { type CountState, rateAt, scaleByLearningRate } from "./chain.ts";
import type { ParameterFilter } from "./leaf_paths.ts";
import type { Optimizer, Schedule } from "./optimizer.ts";

/** Rate and decay of an optimizer. */
export interface DescentOptions {
  /** The rate of all steps, a number or an f32 scalar, or a schedule by step. */
  readonly learningRate: number | Tensor | Schedule;
  /** Share of each parameter, times the rate, that a step takes away, a number or an f32 scalar; 0 by default. */
  readonly weightDecay?: number | Tensor;
  /** Which parameters decay, by tensor and path; all by default. */
  readonly isDecayed?: ParameterFilter;
}

/**
 * Descent, and then decay: θ ← (θ − rate · u)·(1 − rate · decay), in the order of transformers' former `AdamW`. Decay is of the
 * stepped parameter, where PyTorch's AdamW takes it of the one before.
 *
 * Throws a TypeError where a tensor is not f32, and a RangeError where it is no scalar.
 */
export function descendThenDecay(
  { learningRate, weightDecay = 0, isDecayed }: DescentOptions,
): Optimizer<CountState> {
  requireScalar({ of: "descendThenDecay", name: "weightDecay", value: weightDecay });
  const descent = scaleByLearningRate(learningRate);
  return {
    ...descent,
    update(grads, before, params) {
      const { updates, state } = descent.update(grads, before, params);
      if (weightDecay === 0) return { updates, state };
      const share = rateAt(learningRate, before.count).mul(weightDecay).neg();
      const decayed = addDecayedWeights(share, { mask: isDecayed }).update(updates, {}, applyUpdates(params, updates));
      return { updates: decayed.updates, state };
    },
  };
}
