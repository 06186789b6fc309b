import type { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tensor/tree.ts";

/** A learning rate by step: an i32 scalar, from 0, to an f32 scalar. */
export type Schedule = (step: Tensor) => Tensor;

/** What an optimizer gives for gradients. */
export interface OptimizerStep<State, Params = Tree> {
  /** A tree like the parameters, to be added to them. */
  readonly updates: Params;
  readonly state: State;
}

/**
 * A pure gradient transformation, as in optax: state goes in, state comes out. What the state holds for each element of the
 * parameters, as moments, lies in trees like the parameters, by which {@linkcode keepUnstepped} knows it.
 */
export interface Optimizer<State = Tree> {
  /** State for parameters, a tree of tensors. */
  init(params: Tree): State;
  /** Updates to be added to the parameters. */
  update<Params extends Tree>(grads: Params, state: State, params: Params): OptimizerStep<State, Params>;
  /** The learning rate of the coming step, where there is one: for logs. */
  learningRate?(state: State): Tensor | undefined;
}
