import { add, div, full, maximum, where } from "../ops/mod.ts";
import type { Key } from "../ops/random.ts";
import * as random from "../ops/random_mod.ts";
import type { Params } from "../nn/linear.ts";
import type { LossTerm } from "../nn/losses.ts";
import { applyUpdates } from "../optim/apply_updates.ts";
import { clipToNorm, globalNorm } from "../optim/clip_by_global_norm.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Method } from "../peft/method.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeMap } from "../tensor/tree.ts";
import { valueAndGrad } from "../transform/grad.ts";
import type { TrainState } from "./state.ts";

/** What {@linkcode makeStep} needs. */
export interface StepOptions<Batch, Trainable = Tree, Aux = Tree> {
  /** Loss of a batch as a sum and a count. */
  readonly loss: (params: Params, batch: Batch, key: Key) => LossTerm;
  readonly method: Method<Trainable, Aux>;
  readonly optimizer: Optimizer;
  /** Largest norm of all gradients together; no limit by default. */
  readonly clip?: number;
}

/** What a step tells: f32 scalars. */
export interface StepMetrics {
  /** Mean loss of the batch, before the step, without the method's penalty. */
  readonly loss: Tensor;
  /** Norm of all gradients before clipping. */
  readonly gradNorm: Tensor;
  /** Rate of the step; 0 where the optimizer has none. */
  readonly learningRate: Tensor;
}

/**
 * One step of training as a pure function: forward, backward, clipping, optimizer and the method's rule after it. Meant
 * for `jit(…, { donate: [0] })`.
 */
export function makeStep<Batch, Trainable, Aux>(
  { loss, method, optimizer, clip }: StepOptions<Batch, Trainable, Aux>,
): (state: TrainState<Trainable, Aux>, batch: Batch) => [TrainState<Trainable, Aux>, StepMetrics] {
  return function step(state, batch) {
    const { base, trainable: before, aux, step } = state;
    const key = random.foldIn(state.key, step);
    const objective = (trainable: Trainable) => {
      const { sum, count } = loss(method.adapt(base, trainable, aux), batch, key);
      const mean = div(sum, maximum(count, 1));
      return { value: method.penalty ? add(mean, method.penalty(trainable)) : mean, aux: mean };
    };
    const { grad, aux: mean } = valueAndGrad(objective, { hasAux: true })(before);
    const { clipped, norm } = clip === undefined ? { clipped: grad, norm: globalNorm(grad) } : clipToNorm(grad, clip);
    const learningRate = optimizer.learningRate?.(state.optimizer) ?? full([], 0);
    const { updates, state: moments } = optimizer.update(clipped, state.optimizer, before);
    const trainable = applyUpdates(before, updates);
    const after = method.after({ base, before, trainable, updates, grads: clipped, aux, step });
    const { restart } = after;
    const restarted = restart &&
      treeMap((now, fresh) => where(restart, fresh, now), moments, optimizer.init(after.trainable));
    const next = {
      base: after.base,
      trainable: after.trainable,
      aux: after.aux,
      optimizer: restarted ?? moments,
      step: add(step, 1),
      key: state.key,
    };
    return [next, { loss: mean, gradNorm: norm, learningRate }];
  };
}
