import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tensor/tree.ts";

/** A learning rate by step: from the number of a step, an i32 scalar that begins at 0, to an f32 scalar. */
export type Schedule = (step: Tensor) => Tensor;

/** What an optimizer makes of gradients. */
export interface OptimizerStep<State, Params = Tree> {
  /** A tree like the parameters, to be added to them. */
  readonly updates: Params;
  /** The optimizer's state after the step. */
  readonly state: State;
}

/**
 * A pure transformation of gradients, as optax's `GradientTransformation`: state goes in, state comes out. What the
 * state holds for each element of the parameters, such as moments, lies in trees like the parameters, by which
 * {@linkcode keepUnstepped} and {@linkcode mapMoments} know it.
 */
export interface Optimizer<State = Tree> {
  /**
   * The state before the first step, for parameters that are a tree of tensors. What draws at random draws from the key, which
   * is the run's where `train.init` gives it, and others draw from it: fold a number of one's own into it.
   */
  init(params: Tree, key?: Key): State;
  /**
   * Every so many steps, from the first on, a step is a refresh: one that computes what is too much work for each, such as
   * new projections. It is compiled as a program of its own, so this is no data. No step is one by default.
   */
  readonly refreshEvery?: number;
  /**
   * Whether moments may lie in trees unlike the parameters, as those of projected gradients do: {@linkcode keepUnstepped} and
   * {@linkcode mapMoments} would pass over them, so that steps refuse methods that need either; false by default.
   */
  readonly hasOwnMoments?: boolean;
  /**
   * Updates to be added to the parameters, and the next state. What refreshes must be told whether the step is one, which
   * {@linkcode isRefreshStep} says.
   */
  update<Params extends Tree>(
    grads: Params,
    state: State,
    params: Params,
    isRefresh?: boolean,
  ): OptimizerStep<State, Params>;
  /**
   * The state of an optimizer that begins anew in the middle of a run: as `init` gives it, which it is by default, but for
   * how far a schedule of the rate has come.
   */
  restart?(state: State, params: Tree, key?: Key): State;
  /** The learning rate of the coming step, an f32 scalar, for logs; undefined where there is none. */
  learningRate?(state: State): Tensor | undefined;
}

/**
 * Whether a step, by its number from 0, is a refresh of an optimizer: every {@linkcode Optimizer.refreshEvery} steps one is,
 * the first among them. `train.stepKinds` asks for it.
 *
 * @example
 * ```ts
 * import { optim } from "@delta-dawn/delta-lora";
 *
 * const steps = [0, 1, 49, 50];
 * console.log(steps.filter((step) => optim.isRefreshStep({ refreshEvery: 50 }, step))); // [0, 50]
 * ```
 */
export function isRefreshStep({ refreshEvery }: Pick<Optimizer, "refreshEvery">, step: number): boolean {
  return refreshEvery !== undefined && step % refreshEvery === 0;
}
