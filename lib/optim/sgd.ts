import { add, mul, zerosLike } from "../ops/mod.ts";
import { type Tree, treeMap } from "../tensor/tree.ts";
import { addDecayedWeights } from "./adamw.ts";
import { chain, scaleByLearningRate } from "./chain.ts";
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

/** Sums gradients with a decay: v ← momentum · v + g, as PyTorch's `SGD` does. */
export function trace(momentum: number): Optimizer<{ readonly velocity: Tree }> {
  return {
    init: (params) => ({ velocity: treeMap(zerosLike, params) }),
    update(grads, { velocity }) {
      const next = treeMap((v, g) => add(mul(v, momentum), g), velocity, grads);
      return { updates: next, state: { velocity: next } };
    },
  };
}

/** Stochastic gradient descent, as PyTorch's `SGD` computes it. */
export function sgd({ learningRate, momentum = 0, weightDecay = 0 }: SgdOptions): Optimizer {
  return chain(
    ...weightDecay === 0 ? [] : [addDecayedWeights(weightDecay) as Optimizer],
    ...momentum === 0 ? [] : [trace(momentum) as Optimizer],
    scaleByLearningRate(learningRate) as Optimizer,
  ) as Optimizer;
}
