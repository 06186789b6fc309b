import { zeros } from "../ops/mod.ts";
import type { Key } from "../ops/random.ts";
import * as random from "../ops/random_mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { treeUnflatten } from "../tensor/tree.ts";
import { type AdamState, addDecayedWeights, scaleByAdam } from "./adamw.ts";
import { chain, type CountState, scaleByLearningRate, startCount } from "./chain.ts";
import type { DescentOptions } from "./descend_then_decay.ts";
import { flattenWithPaths, type ParameterFilter } from "./leaf_paths.ts";
import type { Optimizer } from "./optimizer.ts";
import { isLargerThan, project, projectBack, projectedShapes, requireMatrix, requireProjection } from "./projection.ts";
import { requireRefresh } from "./require_refresh.ts";

/** Settings of {@linkcode scaleByFlora}. */
export interface ScaleByFloraOptions {
  /** r: how many random directions momentum is kept on, a whole number from 1. */
  readonly rank: number;
  /** κ: steps from one projection to the next, a whole number from 1; 1,000 by default. */
  readonly refreshEvery?: number;
  /** β₁: decay of the momentum, in [0, 1); 0.9 by default. */
  readonly momentum?: number;
  /** What projections are drawn from where no key is given; 0 by default. */
  readonly seed?: number;
  /** Which parameters it is for, all of them matrices; by default those whose shorter side is longer than the rank. */
  readonly isProjected?: ParameterFilter;
}

/** What {@linkcode scaleByFlora} keeps of one matrix `[m, n]`. */
export interface FloraMoments {
  /** Momentum on the directions of the projection, `[long, r]` or `[r, long]`. */
  readonly momentum: Tensor;
  /** Means of squared gradients over the columns, `[m]`. */
  readonly rows: Tensor;
  /** Means of squared gradients over the rows, `[n]`. */
  readonly columns: Tensor;
}

/** State of {@linkcode scaleByFlora}. */
export interface FloraState extends CountState {
  /** Which projection momentum is kept on, an i32 scalar. */
  readonly period: Tensor;
  /** What all projections are drawn from. */
  readonly key: Key;
  /** Of each matrix that it is for, by path. */
  readonly moments: Readonly<Record<string, FloraMoments>>;
  /** Adam's, of all other parameters by path. */
  readonly adam: AdamState;
}

/** What tells the draws of Flora from those of others from the same key. */
const FLORA_STREAM = 0x666c6f72;
/** Power of the step in the decay of second moments, 1 − t⁻⁰·⁸, what keeps them from 0, and the greatest root mean square. */
const [DECAY_POWER, LEAST_SQUARE, GREATEST_RMS] = [-0.8, 1e-30, 1];

/** What Flora computes for one matrix. */
interface FloraStep {
  readonly moments: FloraMoments;
  /** What momentum was kept on, and what it is moved to in a refresh. */
  readonly P: Tensor;
  readonly nextP?: Tensor;
  readonly momentum: number;
  /** Decay of the second moments, a scalar. */
  readonly decay: Tensor;
}

function stepMatrix(
  G: Tensor,
  { moments, P, nextP, momentum, decay }: FloraStep,
): { readonly direction: Tensor; readonly moments: FloraMoments } {
  const squares = G.square().add(LEAST_SQUARE);
  const follow = (old: Tensor, now: Tensor) => old.mul(decay).add(now.mul(decay.neg().add(1)));
  const rows = follow(moments.rows, squares.mean({ axis: 1 }));
  const columns = follow(moments.columns, squares.mean({ axis: 0 }));
  const normal = G.mul(rows.div(rows.mean()).rsqrt().expandDims(1)).mul(columns.rsqrt());
  const share = 1 - momentum;
  const kept = projectBack(moments.momentum, P, G);
  const whole = normal.mul(share).add(kept.mul(momentum));
  const rms = whole.square().mean().sqrt();
  const moved = nextP ? project(kept, nextP) : moments.momentum;
  const low = moved.mul(momentum).add(project(normal, nextP ?? P).mul(share));
  return { direction: whole.div(rms.div(GREATEST_RMS).maximum(1)), moments: { momentum: low, rows, columns } };
}

/**
 * Flora ([2402.03293](https://arxiv.org/abs/2402.03293)) without a rate: momentum of matrices on random directions. The gradient
 * is divided by the root of a second moment that is kept factored, by rows and columns
 * ([Adafactor](https://arxiv.org/abs/1804.04235)), and its momentum M is kept as the product with Π `[short, r]`, whose elements
 * are normal with variance 1/r and drawn anew from a key at each step, so that they are not kept: direction = (1−β)·u + β·M·Πᵀ,
 * M ← β·M + (1−β)·u·Π, scaled down to a root mean square of 1. Every `refreshEvery` steps M goes over to the next Π:
 * M·Πᵀ·Π′. All other parameters get Adam's direction.
 *
 * That is what the authors' code computes for the matrices, but for their rates, which it multiplies by each matrix's own root
 * mean square; it gives all other parameters Adafactor's moments, and counts steps from 1, so that momentum goes over a step
 * earlier.
 *
 * Steps are of two kinds: {@linkcode isRefreshStep} or `train.stepKinds` say which one each is.
 *
 * Throws a RangeError where rank or interval are no whole numbers from 1, momentum is not in [0, 1), or what it is to be for is
 * no matrix, and a TypeError where an update is not told whether it is a refresh.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const params = { W: dd.zeros([3, 2]) };
 * const flora = dd.optim.scaleByFlora({ rank: 1 });
 * const { updates, state } = flora.update({ W: dd.ones([3, 2]) }, flora.init(params), params, true);
 * console.log(state.moments.W.momentum.shape); // [3, 1]
 * console.log(await updates.W.data()); // ≈ Float32Array [0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
 * ```
 */
export function scaleByFlora(options: ScaleByFloraOptions): Optimizer<FloraState> {
  const { rank, refreshEvery = 1000, momentum = 0.9, seed = 0, isProjected = isLargerThan(rank) } = options;
  requireProjection("flora", { rank, refreshEvery });
  if (!(momentum >= 0 && momentum < 1)) throw new RangeError(`flora: momentum lies in [0, 1), not ${momentum}`);
  const adam = scaleByAdam();
  const draw = (key: Key, shape: readonly number[]) => random.normal(key, shape).mul(1 / Math.sqrt(shape[1]));
  return {
    refreshEvery,
    hasOwnMoments: true,
    init(params, key = random.key(seed)) {
      const { leaves, paths } = flattenWithPaths(params);
      const moments: Record<string, FloraMoments> = {};
      const others: Record<string, Tensor> = {};
      for (const [i, param] of leaves.entries()) {
        if (!isProjected(param, paths[i])) {
          others[paths[i]] = param;
          continue;
        }
        requireMatrix("flora", param, paths[i]);
        const [m, n] = param.shape;
        moments[paths[i]] = {
          momentum: zeros(projectedShapes(param, rank).low),
          rows: zeros([m]),
          columns: zeros([n]),
        };
      }
      return {
        count: startCount(),
        period: startCount(),
        key: random.foldIn(key, FLORA_STREAM),
        moments,
        adam: adam.init(others),
      };
    },
    update(grads, state, _, isRefresh) {
      requireRefresh("flora", isRefresh);
      const { leaves, paths, structure } = flattenWithPaths(grads);
      const count = state.count.add(1);
      const period = isRefresh ? state.period.add(1) : state.period;
      const decay = count.astype("f32").pow(DECAY_POWER).neg().add(1);
      const [now, next] = [state.period, period].map((one) => random.foldIn(state.key, one));
      const moments: Record<string, FloraMoments> = {};
      const others: Record<string, Tensor> = {};
      const directions = leaves.map((G, i) => {
        const path = paths[i];
        if (!Object.hasOwn(state.moments, path)) {
          others[path] = G;
          return undefined;
        }
        const { projection } = projectedShapes(G, rank);
        const step = stepMatrix(G, {
          moments: state.moments[path],
          P: draw(random.foldIn(now, i), projection),
          ...isRefresh && { nextP: draw(random.foldIn(next, i), projection) },
          momentum,
          decay,
        });
        moments[path] = step.moments;
        return step.direction;
      });
      const rest = adam.update(others, state.adam, others);
      const updates = directions.map((direction, i) => direction ?? rest.updates[paths[i]]);
      return {
        updates: treeUnflatten(structure, updates),
        state: { count, period, key: state.key, moments, adam: rest.state },
      };
    },
  };
}

/** Settings of {@linkcode flora}. */
export interface FloraOptions extends ScaleByFloraOptions, DescentOptions {}

/**
 * Flora as an optimizer of its own ([2402.03293](https://arxiv.org/abs/2402.03293)): {@linkcode scaleByFlora}, decay of the
 * weights before the step, and a rate, in the order of the authors' code. `peft.full({ targets })` trains the matrices that it is for.
 *
 * Throws a RangeError and a TypeError where {@linkcode scaleByFlora} does, and where rate or decay are tensors and no f32
 * scalars.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const optimizer = dd.optim.flora({ learningRate: 0.01, rank: 4, refreshEvery: 100 });
 * const params = { "query.weight": dd.zeros([16, 8]), "query.bias": dd.zeros([16]) };
 * const [{ moments }] = optimizer.init(params);
 * console.log(moments["query.weight"].momentum.shape, moments["query.weight"].rows.shape); // [16, 4] [16]
 * ```
 */
export function flora(
  options: FloraOptions,
): Optimizer<readonly [flora: FloraState, decay: Record<string, never>, rate: CountState]> {
  const { learningRate, weightDecay = 0, isDecayed } = options;
  return chain(
    scaleByFlora(options),
    addDecayedWeights(weightDecay, { mask: isDecayed }),
    scaleByLearningRate(learningRate),
  );
}
