import { cast, copy, full } from "../ops/mod.ts";
import type { Key } from "../ops/random.ts";
import * as random from "../ops/random_mod.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { BaseParams, Method, MethodState } from "../peft/method.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tensor/tree.ts";

/** Everything that a run carries from step to step: plain data, a tree of tensors. */
export interface TrainState<Trainable = Tree, Aux = Tree, OptimizerState = Tree> extends MethodState<Trainable, Aux> {
  /** State of the optimizer, such as its moments. */
  readonly optimizer: OptimizerState;
  /** Steps done, an i32 scalar. */
  readonly step: Tensor;
  /** What dropout and the method draw from; each step folds its number into it. */
  readonly key: Key;
}

/** Options of {@linkcode init}. */
export interface InitOptions<Trainable = Tree, Aux = Tree, OptimizerState = Tree> {
  /** What is trained, and how. */
  readonly method: Method<Trainable, Aux>;
  /** What makes updates of gradients. */
  readonly optimizer: Optimizer<OptimizerState>;
  /** Whether the base is given up to this state instead of copying what the method writes; false by default. */
  readonly takeBase?: boolean;
}

/**
 * The state before the first step: what the method draws from the key, and the optimizer's moments for it. The base is
 * shared, but for what the method writes, which is copied.
 *
 * Throws a TypeError where the method writes what is kept in f16, and what the method's `init` throws.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const options = {
 *   method: dd.peft.lora({ rank: 1, alpha: 2, targets: ["query"] }),
 *   optimizer: dd.optim.adamw({ learningRate: 1e-3 }),
 * };
 * const state = dd.train.init(dd.random.key(0), { "query.weight": dd.ones([3, 4]) }, options);
 * console.log(await state.step.item(), state.trainable.factors.query.A.shape); // 0 [1, 4]
 * ```
 */
export function init<Trainable extends Tree, Aux extends Tree, OptimizerState extends Tree>(
  key: Key,
  base: BaseParams,
  { method, optimizer, takeBase = false }: InitOptions<Trainable, Aux, OptimizerState>,
): TrainState<Trainable, Aux, OptimizerState> {
  const [forMethod, forDropout] = random.split(key);
  const { trainable, aux } = method.init(forMethod, base);
  const writes = method.writes(base);
  const half = writes.find((name) => base[name].dtype === "f16");
  if (half !== undefined) {
    throw new TypeError(
      `${method.name}: cannot write ${half} as it is kept in f16, where small steps vanish: load the weights as f32 ` +
        '(`model.weights` f32), or let them be, which Delta-LoRA does with write: "telescoped"',
    );
  }
  const written = takeBase ? [] : writes.map((name) => [name, copy(base[name])]);
  return {
    base: { ...base, ...Object.fromEntries(written) },
    trainable,
    aux,
    optimizer: optimizer.init(trainable, forDropout),
    step: cast(full([], 0), "i32"),
    key: forDropout,
  };
}

/**
 * A state before its first step with trainables of another run in the place of those that were drawn: the optimizer's
 * moments begin anew, and so does what the method keeps for itself.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const options = { method: dd.peft.full(), optimizer: dd.optim.sgd({ learningRate: 0.1 }) };
 * const fresh = dd.train.init(dd.random.key(0), { W: dd.zeros([2]) }, options);
 * const state = dd.train.beginFrom(fresh, { W: dd.ones([2]) }, options);
 * console.log(await state.trainable.W.data()); // Float32Array [1, 1]
 * ```
 */
export function beginFrom<Trainable extends Tree, Aux extends Tree, OptimizerState extends Tree>(
  fresh: TrainState<Trainable, Aux, OptimizerState>,
  trainable: Trainable,
  { method, optimizer }: Pick<InitOptions<Trainable, Aux, OptimizerState>, "method" | "optimizer">,
): TrainState<Trainable, Aux, OptimizerState> {
  const aux = method.begin ? method.begin(trainable, fresh.aux) : fresh.aux;
  return { ...fresh, trainable, aux, optimizer: optimizer.init(trainable, fresh.key) };
}
