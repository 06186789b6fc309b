import { zerosLike } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeMap } from "../tensor/tree.ts";
import { addDecayedWeights } from "./adamw.ts";
import { chain, type CountState, scaleByLearningRate } from "./chain.ts";
import type { Optimizer, Schedule } from "./optimizer.ts";

/** Settings of {@linkcode sgd}. */
export interface SgdOptions {
  /** The rate of all steps, a number or an f32 scalar, or a schedule by step. */
  readonly learningRate: number | Tensor | Schedule;
  /** Share of the last step's velocity that goes on; 0 by default, and then the state holds the count alone. */
  readonly momentum?: number;
  /**
   * Share of each parameter that is added to its gradient, before momentum, a number or an f32 scalar; 0 by default, and
   * then the state has no part for it.
   */
  readonly weightDecay?: number | Tensor;
}

/** State of {@linkcode trace}. */
export interface TraceState {
  /** The sums, a tree like the parameters. */
  readonly velocity: Tree;
}

/**
 * Momentum: sums gradients with a decay, v ← momentum · v + g, the way PyTorch's `SGD` and optax's `trace` do
 * ([Sutskever et al. 2013](https://proceedings.mlr.press/v28/sutskever13.html)).
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const params = { w: dd.tensor([0]) };
 * const momentum = dd.optim.trace(0.5);
 * const first = momentum.update({ w: dd.tensor([8]) }, momentum.init(params), params);
 * const second = momentum.update({ w: dd.tensor([1]) }, first.state, params);
 * console.log(await second.updates.w.data()); // Float32Array [5]
 * ```
 */
export function trace(momentum: number): Optimizer<TraceState> {
  return {
    init: (params) => ({ velocity: treeMap(zerosLike, params) }),
    update(grads, { velocity }) {
      const next = treeMap((g, v) => v.mul(momentum).add(g), grads, velocity);
      return { updates: next, state: { velocity: next } };
    },
  };
}

/** State of {@linkcode sgd}: of the decay and of {@linkcode trace}, where there are any, and of the rate at the end. */
export type SgdState = readonly (Record<string, never> | TraceState | CountState)[];

/**
 * Stochastic gradient descent with momentum and weight decay, computed the way PyTorch's `SGD` does without dampening
 * or Nesterov's step: g ← g + decay · θ, v ← momentum · v + g, θ ← θ − rate · v. Rate and decay may be data.
 *
 * Throws a TypeError where a tensor is not f32, and a RangeError where it is no scalar.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const params = { w: dd.tensor([1, 2]) };
 * const optimizer = dd.optim.sgd({ learningRate: 0.5, weightDecay: 1 });
 * const { updates } = optimizer.update({ w: dd.tensor([1, 0]) }, optimizer.init(params), params);
 * console.log(await updates.w.data()); // Float32Array [-1, -1]
 * ```
 */
export function sgd({ learningRate, momentum = 0, weightDecay = 0 }: SgdOptions): Optimizer<SgdState> {
  const parts: Optimizer<SgdState[number]>[] = [];
  if (weightDecay !== 0) parts.push(addDecayedWeights(weightDecay));
  if (momentum !== 0) parts.push(trace(momentum));
  return chain(...parts, scaleByLearningRate(learningRate));
}
