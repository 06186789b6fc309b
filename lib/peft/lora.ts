import { LowRankWeight } from "./low_rank_weight.ts";
import {
  adaptWith,
  countParameters,
  initialTrainable,
  loraAdapter,
  type LowRankOptions,
  type LowRankTrainable,
  mergeWith,
  requireRank,
} from "./low_rank.ts";
import type { Method } from "./method.ts";

/** Options of {@linkcode lora}. */
export type LoraOptions = LowRankOptions;

/**
 * LoRA (2106.09685): y = x Wᵀ + (α/r)·(x Aᵀ) Bᵀ with W frozen, A Kaiming-uniform and B zero. No dropout in the branch.
 */
export function lora(options: LoraOptions): Method<LowRankTrainable, Record<string, never>> {
  const { rank, alpha } = options;
  requireRank("lora", rank);
  const scale = alpha / rank;
  return {
    name: "lora",
    init: (key, base) => ({ trainable: initialTrainable(key, base, options), aux: {} }),
    writes: () => [],
    adapt(base, { factors, heads }) {
      const weights = Object.entries(factors).map(([path, { A, B }]) => [
        path,
        new LowRankWeight(base[`${path}.weight`], [{ left: B, right: A, scale }]),
      ]);
      return adaptWith(base, heads, Object.fromEntries(weights));
    },
    after: ({ base, trainable, aux }) => ({ base, trainable, aux }),
    merge({ base, trainable: { factors, heads } }) {
      const changes = Object.entries(factors).map(([path, { A, B }]) => [path, [{ left: B, right: A, scale }]]);
      return mergeWith(base, heads, Object.fromEntries(changes));
    },
    export: ({ trainable: { factors, heads } }) => loraAdapter({ rank, alpha, factors, heads }),
    describe: ({ base, trainable }) => countParameters(base, trainable),
  };
}

/** Options of {@linkcode scaledLora}. */
export interface ScaledLoraOptions extends LowRankOptions {
  /** λ of the Delta-LoRA that this is the control of. */
  readonly lambda: number;
}

/**
 * LoRA at α′ = (1 + λ)·α: the honest control of Delta-LoRA, whose effective weight it has when W moves from the first
 * step on and the optimizer does not see the scale of gradients.
 */
export function scaledLora({ lambda, ...options }: ScaledLoraOptions): Method<LowRankTrainable, Record<string, never>> {
  return { ...lora({ ...options, alpha: (1 + lambda) * options.alpha }), name: "lora-scaled" };
}
