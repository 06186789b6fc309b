import { copy, where, zerosLike } from "../ops/mod.ts";
import { requireScalar } from "../ops/scalar.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeFlattenLike, treeMap, treeUnflatten } from "../tensor/tree.ts";
import { chain, type CountState, scaleByLearningRate, startCount } from "./chain.ts";
import { flattenWithPaths, type ParameterFilter } from "./leaf_paths.ts";
import { oneMinusPower } from "./one_minus_power.ts";
import type { Optimizer, Schedule } from "./optimizer.ts";

/** Settings of Adam's moments, under the names of [Kingma and Ba 2014](https://arxiv.org/abs/1412.6980). */
export interface AdamOptions {
  /** Decay of the first moment, in [0, 1); 0.9 by default. */
  readonly beta1?: number;
  /** Decay of the second moment, in [0, 1); 0.999 by default. */
  readonly beta2?: number;
  /** Added to the root of the second moment; 1e-8 by default. */
  readonly epsilon?: number;
}

/** State of {@linkcode scaleByAdam}. */
export interface AdamState extends CountState {
  /** First moments, means of gradients: a tree like the parameters. */
  readonly mu: Tree;
  /** Second moments, means of squared gradients: a tree like the parameters. */
  readonly nu: Tree;
}

/**
 * Adam's direction without a rate: the bias-corrected first moment of gradients over the root of the second plus ε
 * ([Adam](https://arxiv.org/abs/1412.6980), algorithm 1). As optax's `scale_by_adam`; the sign is the gradient's.
 *
 * Throws a RangeError where a decay is not in [0, 1).
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const params = { w: dd.tensor([1, 1]) };
 * const adam = dd.optim.scaleByAdam();
 * const { updates } = adam.update({ w: dd.tensor([0.5, -20]) }, adam.init(params), params);
 * console.log(...[...await updates.w.data()].map((x) => x.toFixed(4))); // 1.0000 -1.0000
 * ```
 */
export function scaleByAdam(options: AdamOptions = {}): Optimizer<AdamState> {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  for (const [name, beta] of Object.entries({ beta1, beta2 })) {
    if (!(beta >= 0 && beta < 1)) throw new RangeError(`scaleByAdam: ${name} lies in [0, 1), not ${beta}`);
  }
  return {
    init: (params) => ({ count: startCount(), mu: treeMap(zerosLike, params), nu: treeMap(zerosLike, params) }),
    update(grads, { count, mu, nu }) {
      const next = count.add(1);
      const t = next.astype("f32");
      const [correction1, correction2] = [oneMinusPower(beta1, t), oneMinusPower(beta2, t)];
      const first = treeMap((m, g) => m.mul(beta1).add(g.mul(1 - beta1)), mu, grads);
      const second = treeMap((v, g) => v.mul(beta2).add(g.square().mul(1 - beta2)), nu, grads);
      const updates = treeMap(
        (_, m, v) => m.div(correction1).div(v.div(correction2).sqrt().add(epsilon)),
        grads,
        first,
        second,
      );
      return { updates, state: { count: next, mu: first, nu: second } };
    },
  };
}

/**
 * Adds `weightDecay` · parameter to each gradient. Behind {@linkcode scaleByAdam} this is AdamW's decay, apart from the
 * moments ([decoupled weight decay](https://arxiv.org/abs/1711.05101)); in front of {@linkcode trace} it is that of
 * PyTorch's `SGD`. `mask` says for which parameters, by tensor and path; all by default. The decay may be data, an f32 scalar; where that is 0,
 * gradients keep their bits.
 *
 * Throws a TypeError where a tensor is not f32, and a RangeError where it is no scalar.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const params = { weight: dd.ones([2, 2]), bias: dd.ones([2]) };
 * const decay = dd.optim.addDecayedWeights(0.5, { mask: (param) => param.rank > 1 });
 * const { updates } = decay.update(dd.tree.map(dd.zerosLike, params), decay.init(params), params);
 * console.log(await updates.weight.data()); // Float32Array [0.5, 0.5, 0.5, 0.5]
 * console.log(await updates.bias.data()); // Float32Array [0, 0]
 * ```
 */
export function addDecayedWeights(
  weightDecay: number | Tensor,
  options: { readonly mask?: ParameterFilter } = {},
): Optimizer<Record<string, never>> {
  const { mask = () => true } = options;
  requireScalar({ of: "addDecayedWeights", name: "weightDecay", value: weightDecay });
  return {
    init: () => ({}),
    update(grads, state, params) {
      if (weightDecay === 0) return { updates: grads, state };
      // Scalars that are computed lie side by side in one buffer, where an argument would be one more that kernels bind.
      const share = typeof weightDecay === "number" ? weightDecay : copy(weightDecay);
      const isNone = typeof share === "number" ? undefined : share.equal(0);
      const decayed = (g: Tensor, p: Tensor): Tensor => {
        const sum = g.add(p.mul(share));
        // By select, as adding 0 would make a plus of a minus zero, and NaN of infinity.
        return isNone ? where(isNone, g, sum) : sum;
      };
      const { leaves, paths, structure } = flattenWithPaths(grads);
      const own = treeFlattenLike(structure, params);
      const updates = leaves.map((g, i) => mask(own[i], paths[i]) ? decayed(g, own[i]) : g);
      return { updates: treeUnflatten(structure, updates), state };
    },
  };
}

/** Settings of {@linkcode adamw}. */
export interface AdamWOptions extends AdamOptions {
  /** The rate of all steps, a number or an f32 scalar, or a schedule by step. */
  readonly learningRate: number | Tensor | Schedule;
  /**
   * Share of each parameter, times the rate, that a step takes away, a number or an f32 scalar; 0 by default (PyTorch's
   * default is 0.01).
   */
  readonly weightDecay?: number | Tensor;
  /** Which parameters decay, by tensor and path; all by default, as in PyTorch. */
  readonly decayMask?: ParameterFilter;
}

/**
 * State of {@linkcode adamw}: that of {@linkcode scaleByAdam}, that of the decay, which is empty, and that of the rate.
 */
export type AdamWState = readonly [adam: AdamState, decay: Record<string, never>, rate: CountState];

/**
 * Adam with decoupled weight decay ([AdamW](https://arxiv.org/abs/1711.05101)), computed the way PyTorch's `AdamW`
 * does: θ ← θ − rate · (m̂ / (√v̂ + ε) + decay · θ).
 *
 * Rate and decay may be data, so that steps at other ones need no other plan, and `vmap` trains cells at several.
 *
 * Throws a RangeError where β₁ or β₂ is not in [0, 1) or a tensor is no scalar, and a TypeError where one is not f32.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const params = { w: dd.tensor([1, 2]) };
 * const optimizer = dd.optim.adamw({ learningRate: 0.5 });
 * const grads = { w: dd.tensor([3, -0.1]) };
 * const { updates, state } = optimizer.update(grads, optimizer.init(params), params);
 * console.log(await dd.optim.applyUpdates(params, updates).w.data()); // Float32Array [0.5, 2.5]
 * console.log(await state[0].count.item()); // 1
 * ```
 */
export function adamw(options: AdamWOptions): Optimizer<AdamWState> {
  const { learningRate, weightDecay = 0, decayMask } = options;
  return chain(
    scaleByAdam(options),
    addDecayedWeights(weightDecay, { mask: decayMask }),
    scaleByLearningRate(learningRate),
  );
}
