import { zerosLike } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeMap } from "../tensor/tree.ts";
import { chain, type CountState, scaleByLearningRate, startCount } from "./chain.ts";
import { oneMinusPower } from "./one_minus_power.ts";
import type { Optimizer, Schedule } from "./optimizer.ts";

/** Settings of Adam's moments (1412.6980). */
export interface AdamOptions {
  /** Decay of the first moment, 0.9 by default. */
  readonly beta1?: number;
  /** Decay of the second moment, 0.999 by default. */
  readonly beta2?: number;
  /** Added to the root of the second moment, 1e-8 by default. */
  readonly epsilon?: number;
}

/** Moments of {@linkcode scaleByAdam}. */
export interface AdamState extends CountState {
  /** First moments, a tree like the parameters. */
  readonly mu: Tree;
  /** Second moments, a tree like the parameters. */
  readonly nu: Tree;
}

/**
 * Divides the bias-corrected first moment of gradients by the root of the second (1412.6980, algorithm 1).
 *
 * Throws a RangeError where a decay is not in [0, 1).
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

/** Adds `weightDecay` · parameter to the updates: decay apart from the gradient (1711.05101). */
export function addDecayedWeights(
  weightDecay: number,
  options: { readonly mask?: (param: Tensor) => boolean } = {},
): Optimizer<Record<string, never>> {
  const { mask = () => true } = options;
  return {
    init: () => ({}),
    update(grads, state, params) {
      if (weightDecay === 0) return { updates: grads, state };
      const updates = treeMap((g, p) => mask(p) ? g.add(p.mul(weightDecay)) : g, grads, params);
      return { updates, state };
    },
  };
}

/** Settings of {@linkcode adamw}. */
export interface AdamWOptions extends AdamOptions {
  /** A number, or a schedule by step. */
  readonly learningRate: number | Schedule;
  /** Share of each parameter, times the rate, that a step takes away; 0 by default. */
  readonly weightDecay?: number;
  /** Which parameters decay; all by default, as in PyTorch. */
  readonly decayMask?: (param: Tensor) => boolean;
}

/** State of {@linkcode adamw}: of {@linkcode scaleByAdam}, of the decay, which has none, and of the rate. */
export type AdamWState = readonly [adam: AdamState, decay: Record<string, never>, rate: CountState];

/** Adam with decoupled weight decay (1711.05101), the way PyTorch's `AdamW` computes it. */
export function adamw(options: AdamWOptions): Optimizer<AdamWState> {
  const { learningRate, weightDecay = 0, decayMask } = options;
  return chain(
    scaleByAdam(options),
    addDecayedWeights(weightDecay, { mask: decayMask }),
    scaleByLearningRate(learningRate),
  );
}
