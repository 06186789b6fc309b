import { requireScalar } from "../ops/scalar.ts";
import { zeros } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeFlattenLike, treeUnflatten } from "../tensor/tree.ts";
import { type AdamOptions, type AdamState, scaleByAdam } from "./adamw.ts";
import { chain, type CountState } from "./chain.ts";
import { descendThenDecay, type DescentOptions } from "./descend_then_decay.ts";
import { flattenWithPaths, type ParameterFilter } from "./leaf_paths.ts";
import type { Optimizer } from "./optimizer.ts";
import {
  isLargerThan,
  leadingVectorsOfAll,
  project,
  projectBack,
  projectedShapes,
  requireMatrix,
  requireProjection,
} from "./projection.ts";
import { requireRefresh } from "./require_refresh.ts";

/** Settings of {@linkcode scaleByGalore}. */
export interface ScaleByGaloreOptions extends AdamOptions {
  /** r: how many directions gradients are projected on, a whole number from 1. */
  readonly rank: number;
  /** Steps from one projection to the next, a whole number from 1; 200 by default. */
  readonly refreshEvery?: number;
  /** How much the steps of what is projected weigh, the paper's α: a number or an f32 scalar; 0.25 by default. */
  readonly scale?: number | Tensor;
  /** Which parameters are projected, all of them matrices; by default those whose shorter side is longer than the rank. */
  readonly isProjected?: ParameterFilter;
}

/** State of {@linkcode scaleByGalore}. */
export interface GaloreState {
  /** Adam's state, with the moments of projected gradients in the place of the whole ones: `[long, r]` or `[r, long]`. */
  readonly adam: AdamState;
  /** The projections by the parameters' paths, `[short, r]`: singular vectors of a gradient on its shorter side. */
  readonly projections: Readonly<Record<string, Tensor>>;
}

/**
 * GaLore ([2403.03507](https://arxiv.org/abs/2403.03507), algorithm 2) without a rate: Adam's direction in a space of few
 * dimensions. The gradient G of a matrix is projected on the first r singular vectors of its shorter side, R = G·P (Pᵀ·G where
 * it is wide), the direction N that {@linkcode scaleByAdam} finds there is brought back, and weighs `scale`: scale·N·Pᵀ. Every
 * `refreshEvery` steps, from the first on, P is made of the gradient of that step; moments are kept then, as in the authors'
 * code, which is why P holds the singular vectors themselves, with signs that do not depend on rounding. All other parameters
 * get Adam's direction. Where the shorter side has more than 64 elements, vectors are found by subspace iteration in place of a
 * whole decomposition, and those of singular values that are close to each other are known less well.
 *
 * Steps are of two kinds: {@linkcode isRefreshStep} or `train.stepKinds` say which one each is. Moments of the projected
 * are no trees like the parameters, so methods that step a part of a matrix alone cannot have it.
 *
 * Throws a RangeError where rank or interval are no whole numbers from 1, a decay is not in [0, 1), the scale is a tensor and no
 * scalar, or what is to be projected is no matrix, and a TypeError where the scale is not f32, or an update is not told whether
 * it is a refresh.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const params = { W: dd.zeros([3, 2]) };
 * const galore = dd.optim.scaleByGalore({ rank: 1, scale: 1 });
 * const grads = { W: dd.tensor([[0, 2], [0, 0], [0, 1]]) };
 * const { updates, state } = galore.update(grads, galore.init(params), params, true);
 * console.log(await state.projections.W.data()); // ≈ Float32Array [0, 1]
 * console.log(await updates.W.data()); // ≈ Float32Array [0, 1, 0, 0, 0, 1]
 * ```
 */
export function scaleByGalore(options: ScaleByGaloreOptions): Optimizer<GaloreState> {
  const { rank, refreshEvery = 200, scale = 0.25, isProjected = isLargerThan(rank) } = options;
  requireProjection("galore", { rank, refreshEvery });
  requireScalar({ of: "galore", name: "scale", value: scale });
  const adam = scaleByAdam(options);
  const init = (params: Tree): GaloreState => {
    const { leaves, paths, structure } = flattenWithPaths(params);
    const projections: Record<string, Tensor> = {};
    const low = leaves.map((param, i) => {
      if (!isProjected(param, paths[i])) return param;
      requireMatrix("galore", param, paths[i]);
      const shapes = projectedShapes(param, rank);
      projections[paths[i]] = zeros(shapes.projection);
      return zeros(shapes.low);
    });
    return { adam: adam.init(treeUnflatten<Tree, Tensor>(structure, low)), projections };
  };
  return {
    refreshEvery,
    hasOwnMoments: true,
    init,
    // Projections stay until the next refresh: without them nothing would move.
    restart: ({ projections }, params) => ({ ...init(params), projections }),
    update(grads, state, params, isRefresh) {
      requireRefresh("galore", isRefresh);
      const { leaves, paths, structure } = flattenWithPaths(grads);
      const all = treeFlattenLike(structure, params);
      const places = [...leaves.keys()].filter((i) => isProjected(all[i], paths[i]));
      const vectors = isRefresh
        ? leadingVectorsOfAll(places.map((i) => leaves[i]), rank)
        : places.map((i) => state.projections[paths[i]]);
      const own = new Map(places.map((i, at) => [i, vectors[at]]));
      const low = leaves.map((G, i) => own.has(i) ? project(G, own.get(i)!) : G);
      const projected = treeUnflatten(structure, low);
      const stepped = adam.update(projected, state.adam, projected);
      const updates = treeFlattenLike(structure, stepped.updates).map((N, i) => {
        const P = own.get(i);
        return P ? projectBack(N, P, leaves[i]).mul(scale) : N;
      });
      const projections = Object.fromEntries(places.map((i, at) => [paths[i], vectors[at]]));
      return { updates: treeUnflatten(structure, updates), state: { adam: stepped.state, projections } };
    },
  };
}

/** Settings of {@linkcode galore}. */
export interface GaloreOptions extends ScaleByGaloreOptions, DescentOptions {}

/**
 * GaLore as an optimizer of its own ([2403.03507](https://arxiv.org/abs/2403.03507)): {@linkcode scaleByGalore}, a rate, and then
 * decay of what was stepped, as the authors' `GaLoreAdamW` computes it but for Adam's ε, which is added to the root of the
 * bias-corrected moment, as in the paper. `peft.full({ targets })` trains the matrices that it is for.
 *
 * Throws a RangeError and a TypeError where {@linkcode scaleByGalore} does, and where rate or decay are tensors and no f32
 * scalars.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const optimizer = dd.optim.galore({ learningRate: 0.01, rank: 4, refreshEvery: 100 });
 * const params = { "query.weight": dd.zeros([16, 8]), "query.bias": dd.zeros([16]) };
 * const [{ adam }] = optimizer.init(params);
 * console.log(dd.tree.leaves(adam.mu).map(({ shape }) => shape)); // [[16, 4], [16]]
 * ```
 */
export function galore(options: GaloreOptions): Optimizer<readonly [galore: GaloreState, rate: CountState]> {
  return chain(scaleByGalore(options), descendThenDecay(options));
}
