import { add, mul, zerosLike } from "../ops/mod.ts";
import { type Tree, treeMap } from "../tensor/tree.ts";
import { chain, scaleByLearningRate } from "./chain.ts";
import type { Optimizer, Schedule } from "./optimizer.ts";

/** Settings of {@linkcode sgd}. */
export interface SgdOptions {
  /** A number, or a schedule by step. */
  readonly learningRate: number | Schedule;
  /** Share of the last update that goes on; none by default, and then there is no state but the count. */
  readonly momentum?: number;
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
export function sgd({ learningRate, momentum = 0 }: SgdOptions): Optimizer {
  const descent = scaleByLearningRate(learningRate) as Optimizer;
  return chain(...(momentum === 0 ? [descent] : [trace(momentum) as Optimizer, descent])) as Optimizer;
}
