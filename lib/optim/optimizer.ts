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
 * {@linkcode keepUnstepped} knows it.
 */
export interface Optimizer<State = Tree> {
  /** The state before the first step, for parameters that are a tree of tensors. */
  init(params: Tree): State;
  /** Updates to be added to the parameters, and the next state. */
  update<Params extends Tree>(grads: Params, state: State, params: Params): OptimizerStep<State, Params>;
  /** The learning rate of the coming step, an f32 scalar, for logs; undefined where there is none. */
  learningRate?(state: State): Tensor | undefined;
}
