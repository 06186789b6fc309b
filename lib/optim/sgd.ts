import { zerosLike } from "../ops/mod.ts";
import { type Tree, treeMap } from "../tensor/tree.ts";
import { addDecayedWeights } from "./adamw.ts";
import { chain, type CountState, scaleByLearningRate } from "./chain.ts";
import type { Optimizer, Schedule } from "./optimizer.ts";

/** Settings of {@linkcode sgd}. */
export interface SgdOptions {
  /** A number, or a schedule by step. */
  readonly learningRate: number | Schedule;
  /** Share of the last update that goes on; none by default, and then there is no state but the count. */
  readonly momentum?: number;
  /** Share of each parameter that is added to its gradient, before momentum; 0 by default. */
  readonly weightDecay?: number;
}

/** State of {@linkcode trace}. */
export interface TraceState {
  /** The sums, a tree like the parameters. */
  readonly velocity: Tree;
}

/** Sums gradients with a decay: v ← momentum · v + g, the way PyTorch's `SGD` does. */
export function trace(momentum: number): Optimizer<TraceState> {
  return {
    init: (params) => ({ velocity: treeMap(zerosLike, params) }),
    update(grads, { velocity }) {
      const next = treeMap((g, v) => v.mul(momentum).add(g), grads, velocity);
      return { updates: next, state: { velocity: next } };
    },
  };
}

/** State of {@linkcode sgd}: of the decay and of {@linkcode trace}, where there are any, and of the rate. */
export type SgdState = readonly (Record<string, never> | TraceState | CountState)[];

/** Stochastic gradient descent, the way PyTorch's `SGD` computes it. */
export function sgd({ learningRate, momentum = 0, weightDecay = 0 }: SgdOptions): Optimizer<SgdState> {
  const parts: Optimizer<SgdState[number]>[] = [];
  if (weightDecay !== 0) parts.push(addDecayedWeights(weightDecay));
  if (momentum !== 0) parts.push(trace(momentum));
  return chain(...parts, scaleByLearningRate(learningRate));
}
