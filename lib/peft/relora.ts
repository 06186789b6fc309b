import { dynamicSlice, full, lessEqual, sort, where } from "../ops/mod.ts";
import type { Key } from "../ops/random.ts";
import * as random from "../ops/random_mod.ts";
import { requireScalar } from "../ops/scalar.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { treeFlatten, treeUnflatten } from "../tensor/tree.ts";
import type { LowRankTrainable } from "./factors.ts";
import { LOW_RANK_RECIPE, lowRankOptions } from "./low_rank_options.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";
import { type RestartAux, RESTARTED, restartedLora, type RestartOptions } from "./restarted_lora.ts";

/** Options of {@linkcode relora}. */
export interface ReloraOptions extends RestartOptions {
  /** Which moments of a factor's elements a restart keeps: the `magnitude` of the first tells, by default, or chance, `random`. */
  readonly pruning?: "magnitude" | "random";
  /** The share of a factor's moments that a restart sets to zero, in [0, 1): a number, 0.99 by default, or an f32 scalar. */
  readonly prunedShare?: number | Tensor;
}

/**
 * Which elements of a moment are no larger, whatever their sign, than the quantile of a share: those that `torch.quantile`
 * and the authors' comparison leave out, as nothing lies between the element below the quantile and the next one.
 */
function isSmall(moment: Tensor, share: number | Tensor): Tensor {
  const sizes = moment.abs();
  const last = sizes.size - 1;
  const place = full([], last).mul(share).floor().astype("i32");
  const below = dynamicSlice(sort(sizes.reshape([sizes.size])), { start: [place], size: [1] });
  return lessEqual(sizes, below.reshape([]));
}

/**
 * ReLoRA ([2307.05695](https://arxiv.org/abs/2307.05695)): LoRA that restarts. Every `interval` steps W ← W + (α/r)·B·A,
 * A is drawn anew as {@linkcode lora} draws it, B is zero again, most elements of the factors' moments are set to zero, and
 * the rate rises again over `warmup` steps. So the change of W may have the rank of all pairs together.
 *
 * As in the authors' code (github.com/Guitaricet/relora), each factor is pruned by itself, Adam's count goes on, and heads
 * keep their moments. It departs from paper and code in four points. An element loses all of its moments or none, by the size
 * of the first one or by one draw; there each moment is pruned by itself, and an element that lost the second alone is moved
 * by the first over ε, 10⁵ times the rate in the runs of `tests/fixtures/restarts.py`. The full-rank training that comes
 * first there is the pre-training here. The rate rises to what the run's schedule has in each step, where the code rises to
 * what it had at the restart; and it begins with its first share, where the code takes a step at rate 0 in front of the
 * restart.
 *
 * No adapter of rank r holds what W received: `export` throws a RangeError, and `merge` gives the whole model.
 *
 * Throws a RangeError where the rank, the interval or the warm-up is not the whole number that it must be, dropout or the
 * pruned share is not in [0, 1), or a tensor is no scalar, and a TypeError where α or the share is a tensor and not f32, or
 * the warm-up one and not i32.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const base = { "query.weight": dd.zeros([2, 3]) };
 * const method = dd.peft.relora({ rank: 1, alpha: 1, interval: 2, targets: ["query"] });
 * const optimizer = dd.optim.adamw({ learningRate: 0.1 });
 * const loss = ({ "query.weight": W }: dd.Params, x: dd.Tensor) =>
 *   dd.nn.meanSquaredError(dd.nn.linear(x, W), dd.ones([2]));
 * const step = dd.train.makeStep({ loss, method, optimizer });
 * const kindAt = dd.train.stepKinds({ method, optimizer });
 * let state = dd.train.init(dd.random.key(0), base, { method, optimizer });
 * for (let i = 0; i < 2; i++) [state] = step(state, dd.ones([1, 3]), kindAt(i));
 * console.log(await state.aux.restarts.item(), await state.trainable.factors.query.B.data()); // 1 Float32Array [0, 0]
 * ```
 */
export function relora(options: ReloraOptions): Method<LowRankTrainable, RestartAux> {
  const { pruning = "magnitude", prunedShare = 0.99 } = options;
  requireScalar({ of: "relora", name: "prunedShare", value: prunedShare });
  if (typeof prunedShare === "number" && !(prunedShare >= 0 && prunedShare < 1)) {
    throw new RangeError(`relora: the pruned share lies in [0, 1), not ${prunedShare}`);
  }
  if (pruning !== "magnitude" && pruning !== "random") {
    throw new RangeError(`relora: pruning is magnitude or random, not ${pruning}`);
  }
  const isPruned = (moment: Tensor, key: Key): Tensor =>
    pruning === "magnitude" ? isSmall(moment, prunedShare) : random.bernoulli(key, prunedShare, moment.shape);
  return restartedLora("relora", options, {
    factors: (_, fresh) => fresh,
    optimizer: (key) => ({
      moments([first, ...others]) {
        if (first === undefined) return [];
        const { leaves } = treeFlatten(first.factors);
        const keys = random.foldInEach(key, leaves.length);
        const gone = leaves.map((moment, i) => isPruned(moment, keys[i]));
        return [first, ...others].map(({ factors, heads }) => {
          const { leaves, structure } = treeFlatten(factors);
          return { factors: treeUnflatten(structure, leaves.map((moment, i) => where(gone[i], 0, moment))), heads };
        });
      },
    }),
  });
}

/** The description of {@linkcode relora} for trainers, command lines and records: options with defaults, and recipe. */
export const reloraMethod: MethodDescription = defineMethod({
  name: "relora",
  summary: "LoRA that moves its product into W time and again, draws new factors and prunes their moments",
  paper: "https://arxiv.org/abs/2307.05695",
  options: {
    ...RESTARTED,
    warmup: {
      ...RESTARTED.warmup,
      help: "steps after each restart over which the rate rises again; a fortieth of the run by default",
      default: (_, { steps }) => Math.floor(steps / 40),
    },
    pruning: {
      kind: "text",
      help: "which elements of the factors' moments a restart keeps: the largest by magnitude, or random ones",
      default: "magnitude",
      choices: ["magnitude", "random"],
    },
    prunedShare: {
      kind: "number",
      help: "share of the factors' moments that a restart sets to zero; in the paper 0.9 to 0.999",
      default: 0.99,
      minimum: 0,
      below: 1,
      isData: true,
    },
  },
  make: ({ interval, warmup, pruning, prunedShare, ...options }, place) =>
    relora({ ...lowRankOptions(options, place), interval, warmup, pruning, prunedShare }),
  recipe: {
    learningRate: 5e-3,
    options: (steps) => ({
      ...LOW_RANK_RECIPE,
      interval: Math.max(1, Math.ceil(steps / 4)),
      warmup: Math.floor(steps / 40),
      pruning: "magnitude",
      prunedShare: 0.99,
    }),
  },
  // Nothing is done before the first restart, which follows on the last step of the interval.
  dormant: { options: ["prunedShare"], until: ({ interval }) => Number(interval) - 1 },
  beginsFrom: ["lora"],
  trainsWeights: true,
});
