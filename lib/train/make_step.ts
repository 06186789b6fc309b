import { full, where } from "../ops/mod.ts";
import type { Key } from "../ops/random.ts";
import * as random from "../ops/random_mod.ts";
import type { Params } from "../nn/linear.ts";
import type { LossTerm } from "../nn/losses.ts";
import { applyUpdates } from "../optim/apply_updates.ts";
import { clipToNorm } from "../optim/clip_by_global_norm.ts";
import { keepUnstepped } from "../optim/keep_unstepped.ts";
import { mapMoments } from "../optim/map_moments.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { AfterResult, Method } from "../peft/method.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeMap } from "../tensor/tree.ts";
import { meanGradient } from "./mean_gradient.ts";
import type { TrainState } from "./state.ts";
import { requireKind, type StepKind } from "./step_kind.ts";

/** What {@linkcode makeStep} needs. */
export interface StepOptions<Batch, Trainable = Tree, Aux = Tree, OptimizerState = Tree> {
  /**
   * The loss of a batch as a sum and a count, of the parameters that the method adapted; the key is what the model
   * drops out by.
   */
  readonly loss: (params: Params, batch: Batch, key: Key) => LossTerm;
  /** What is trained, and how. */
  readonly method: Method<Trainable, Aux>;
  /** What makes updates of gradients. */
  readonly optimizer: Optimizer<OptimizerState>;
  /** Greatest norm of all gradients together, to which they are scaled down; no limit by default. */
  readonly clip?: number;
}

/** What a step tells, f32 scalars. */
export interface StepMetrics {
  /** Mean loss of the batch, before the step, without the method's penalty. */
  readonly loss: Tensor;
  /** Norm of all gradients before clipping. */
  readonly gradNorm: Tensor;
  /** Learning rate of the step; 0 where the optimizer has none. */
  readonly learningRate: Tensor;
}

/** What tells the method's draws of a step from the model's, which fold small numbers into the same key. */
const METHOD_STREAM = 0x6d657468;

/**
 * A step of training: state and batch go in, the next state and what the step tells come out. Where optimizer or method have
 * steps of several kinds, `stepKinds` says which one each is.
 */
export type Step<Batch, Trainable = Tree, Aux = Tree, OptimizerState = Tree> = (
  state: TrainState<Trainable, Aux, OptimizerState>,
  batch: Batch,
  kind?: StepKind,
) => [TrainState<Trainable, Aux, OptimizerState>, StepMetrics];

/**
 * One step of training as a pure function: forward, backward, clipping, optimizer and the method's rule after it. It is
 * meant for `jit(…, { donate: [0] })`, which gives the state's memory to the next state.
 *
 * The step throws a TypeError where the optimizer refreshes or the method has periods, and it is not told its kind, and where
 * the method keeps or changes moments, as DyLoRA and ReLoRA do, and the optimizer has its own kind of them
 * (`optim.Optimizer.hasOwnMoments`).
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const loss = ({ W }: dd.Params, x: dd.Tensor) => dd.nn.meanSquaredError(dd.nn.linear(x, W), dd.ones([2]));
 * const options = { method: dd.peft.full(), optimizer: dd.optim.sgd({ learningRate: 0.5 }) };
 * const step = dd.jit(dd.train.makeStep({ loss, ...options }), { donate: [0] });
 * const state = dd.train.init(dd.random.key(0), { W: dd.zeros([1, 2]) }, options);
 * const [next, metrics] = await step(state, dd.tensor([[1, 0], [0, 1]]));
 * console.log(await metrics.loss.item(), await next.trainable.W.data()); // 1 Float32Array [0.5, 0.5]
 * ```
 */
export function makeStep<Batch, Trainable extends Tree, Aux extends Tree, OptimizerState extends Tree>(
  options: StepOptions<Batch, Trainable, Aux, OptimizerState>,
): Step<Batch, Trainable, Aux, OptimizerState> {
  const whole = makeAccumulatedStep(options);
  return function step(state, batch, kind) {
    return whole(state, [batch], kind);
  };
}

/** Throws a TypeError where a method needs moments in trees like the trainables, and the optimizer's may lie otherwise. */
function requireMoments<Trainable extends Tree, Aux extends Tree>(
  { optimizer, method }: {
    readonly optimizer: Pick<Optimizer, "hasOwnMoments">;
    readonly method: Pick<Method<Trainable, Aux>, "name" | "mask">;
  },
  { moments }: AfterResult<Trainable, Aux>,
): void {
  if (!optimizer.hasOwnMoments || !(method.mask || moments)) return;
  const need = moments ? "changes moments after a step" : "keeps the moments of what a step does not move";
  throw new TypeError(
    `${method.name} ${need}, and the optimizer's moments are not like the trainables, as GaLore's and Flora's are not: ` +
      "take another optimizer, such as adamw",
  );
}

/** The optimizer's state for the next step, where the method's rule may change its moments or let it begin anew. */
function carryOver<Trainable extends Tree, Aux extends Tree, State extends Tree>(
  optimizer: Optimizer<State>,
  state: State,
  { after, key }: { readonly after: AfterResult<Trainable, Aux>; readonly key: Key },
): State {
  const { trainable, restart = false } = after;
  const kept = after.moments ? mapMoments(state, trainable, after.moments.bind(after)) : state;
  if (restart === false) return kept;
  const fresh = optimizer.restart?.(kept, trainable, key) ?? optimizer.init(trainable, key);
  return restart === true ? fresh : treeMap((now, anew) => where(restart, anew, now), kept, fresh);
}

/**
 * A step like {@linkcode makeStep}'s for a batch in parts, one after the other in the memory of one (gradient
 * accumulation): the loss is the sum of all sums over the sum of all counts, as it would be of the whole batch, and no
 * mean of means. Each part has a key of its own.
 *
 * The step throws a RangeError where there is no part, and a TypeError where {@linkcode makeStep}'s does.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const loss = ({ W }: dd.Params, x: dd.Tensor) => dd.nn.meanSquaredError(dd.nn.linear(x, W), dd.ones([1]));
 * const options = { method: dd.peft.full(), optimizer: dd.optim.sgd({ learningRate: 0.5 }) };
 * const step = dd.train.makeAccumulatedStep({ loss, ...options });
 * const state = dd.train.init(dd.random.key(0), { W: dd.zeros([1, 2]) }, options);
 * const [next] = step(state, [dd.tensor([[1, 0]]), dd.tensor([[0, 1]])]);
 * console.log(await next.trainable.W.data()); // Float32Array [0.5, 0.5]
 * ```
 */
export function makeAccumulatedStep<Batch, Trainable extends Tree, Aux extends Tree, OptimizerState extends Tree>(
  { loss, method, optimizer, clip }: StepOptions<Batch, Trainable, Aux, OptimizerState>,
): Step<readonly Batch[], Trainable, Aux, OptimizerState> {
  return function step(state, batches, kind) {
    const { isRefresh, endsPeriod } = requireKind({ method, optimizer }, kind);
    const { base, trainable: before, aux, step } = state;
    const key = random.foldIn(state.key, step);
    const parts = batches.map((batch, i) => (trainable: Trainable) => {
      const own = batches.length === 1 ? key : random.foldIn(key, i);
      return loss(method.adapt(base, trainable, aux, random.foldIn(own, METHOD_STREAM)), batch, own);
    });
    const { mean, gradient: whole } = meanGradient(parts, before, method.penalty?.bind(method));
    const mask = method.mask?.(before, aux);
    // By select, as adding 0 would make a plus of a minus zero.
    const kept = <T extends Tree>(now: T, old?: T): T => {
      if (!mask) return now;
      return old ? treeMap((a, b, m) => where(m, a, b), now, old, mask) : treeMap((a, m) => where(m, a, 0), now, mask);
    };
    const gradient = kept(whole);
    const { clipped, norm } = clipToNorm(gradient, clip);
    const learningRate = optimizer.learningRate?.(state.optimizer) ?? full([], 0);
    // An optimizer that has lost its interval on the way here is told nothing, so that what refreshes in it refuses.
    const refresh = optimizer.refreshEvery === undefined ? undefined : isRefresh;
    const stepped = optimizer.update(clipped, state.optimizer, before, refresh);
    const rates = method.rates?.(before, aux);
    const scaled = rates ? treeMap((u, rate) => u.mul(rate), stepped.updates, rates) : stepped.updates;
    const updates = kept(scaled);
    const trainable = kept(applyUpdates(before, updates), before);
    const moments = mask
      ? keepUnstepped(mask, { params: before, next: stepped.state, before: state.optimizer })
      : stepped.state;
    const after = method.after({ base, before, trainable, updates, grads: clipped, aux, step, endsPeriod });
    requireMoments({ optimizer, method }, after);
    const next = {
      base: after.base,
      trainable: after.trainable,
      aux: after.aux,
      optimizer: carryOver(optimizer, moments, { after, key: state.key }),
      step: step.add(1),
      key: state.key,
    };
    return [next, { loss: mean, gradNorm: norm, learningRate }];
  };
}
