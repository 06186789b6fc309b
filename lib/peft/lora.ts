import { LowRankWeight } from "./low_rank_weight.ts";
import {
  adaptWith,
  countParameters,
  factoredBy,
  initialTrainable,
  loraAdapter,
  type LowRankOptions,
  type LowRankPatterns,
  type LowRankTrainable,
  mergeWith,
  requireRanks,
} from "./low_rank.ts";
import type { Method } from "./method.ts";

/** Options of {@linkcode lora}. */
export interface LoraOptions extends LowRankOptions, LowRankPatterns {}

/**
 * LoRA (2106.09685): y = x Wᵀ + (α/r)·(x Aᵀ) Bᵀ with W frozen, A Kaiming-uniform and B zero. No dropout in the branch.
 * With `scaling: "rank-stabilized"` the branch weighs α/√r: {@linkcode rslora}.
 */
export function lora(options: LoraOptions): Method<LowRankTrainable, Record<string, never>> {
  requireRanks("lora", options);
  const factored = factoredBy(options);
  return {
    name: "lora",
    init: (key, base) => ({ trainable: initialTrainable(key, base, options), aux: {} }),
    writes: () => [],
    adapt(base, { factors, heads }) {
      const weights = Object.entries(factors).map(([path, pair]) => [
        path,
        new LowRankWeight(base[`${path}.weight`], [factored(path, pair)]),
      ]);
      return adaptWith(base, heads, Object.fromEntries(weights));
    },
    after: ({ base, trainable, aux }) => ({ base, trainable, aux }),
    merge({ base, trainable: { factors, heads } }) {
      const changes = Object.entries(factors).map(([path, pair]) => [path, [factored(path, pair)]]);
      return mergeWith(base, heads, Object.fromEntries(changes));
    },
    export: ({ trainable: { factors, heads } }) => loraAdapter({ ...options, factors, heads }),
    describe: ({ base, trainable }) => countParameters(base, trainable),
  };
}

/** rsLoRA (2312.03732): LoRA whose branch weighs α/√r, so that its share does not shrink as the rank grows. */
export function rslora(options: Omit<LoraOptions, "scaling">): Method<LowRankTrainable, Record<string, never>> {
  return { ...lora({ ...options, scaling: "rank-stabilized" }), name: "rslora" };
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
