import { requireNumber } from "../ops/scalar.ts";
import type { LowRankPatterns, LowRankTrainable } from "./factors.ts";
import { loraAdapter } from "./files/adapter_files.ts";
import { readLora } from "./read_lora.ts";
import { LowRankWeight } from "./low_rank_weight.ts";
import {
  adaptWith,
  countParameters,
  factoredBy,
  initialTrainable,
  type LowRankOptions,
  mergeWith,
  requireAlpha,
  requireDropout,
  requireRanks,
} from "./low_rank.ts";
import { DATA_LOW_RANK, LOW_RANK_RECIPE, lowRankOptions } from "./low_rank_options.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";

/** Options of {@linkcode lora}. */
export interface LoraOptions extends LowRankOptions, LowRankPatterns {}

/**
 * LoRA ([2106.09685](https://arxiv.org/abs/2106.09685)): y = x Wᵀ + (α/r)·(x Aᵀ) Bᵀ with W `[out, in]` frozen, A `[r,
 * in]` and B `[out, r]`. A begins uniform on ±1/√in (Kaiming with a = √5, as in PEFT and the authors' code, where the
 * paper says Gaussian) and B zero. With `scaling: "rank-stabilized"` the branch weighs α/√r. `export` gives PEFT's
 * `LORA`.
 *
 * Throws a RangeError where a rank is no whole number from 1, dropout is not in [0, 1) or α is a tensor and no scalar, and a
 * TypeError where that is not f32. `export` throws a RangeError where α is a tensor.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const base = { "query.weight": dd.ones([3, 4]), "classifier.weight": dd.ones([2, 3]) };
 * const method = dd.peft.lora({ rank: 1, alpha: 2, targets: ["query"] });
 * const state = { base, ...method.init(dd.random.key(0), base) };
 * console.log(method.describe(state)); // { trainableParameters: 13, totalParameters: 25 }
 * ```
 */
export function lora(options: LoraOptions): Method<LowRankTrainable, Record<string, never>> {
  requireRanks("lora", options);
  requireDropout("lora", options);
  requireAlpha("lora", options);
  const factored = factoredBy(options);
  return {
    name: "lora",
    init: (key, base) => ({ trainable: initialTrainable(key, base, options), aux: {} }),
    writes: () => [],
    adapt: (base, trainable, _, key) =>
      adaptWith(
        { base, trainable, dropout: options.dropout, key },
        ({ path, W, factors, dropout }) => new LowRankWeight(W, [factored(path, factors)], dropout),
      ),
    after: ({ base, trainable, aux }) => ({ base, trainable, aux }),
    merge: (state) => mergeWith(state, (path, factors) => [factored(path, factors)]),
    export({ base, trainable: { factors, heads } }) {
      const alpha = requireNumber({ of: "lora", name: "alpha", value: options.alpha }, "export");
      return loraAdapter({ ...options, alpha, base, factors, heads });
    },
    describe: ({ base, trainable }) => countParameters(base, trainable),
  };
}

/**
 * The description of {@linkcode lora} for trainers, command lines and records: options with defaults, recipe, adapters.
 */
export const loraMethod: MethodDescription = defineMethod({
  name: "lora",
  summary: "a product of two low-rank factors beside each frozen weight",
  paper: "https://arxiv.org/abs/2106.09685",
  options: {
    ...DATA_LOW_RANK,
    scaling: {
      kind: "text",
      help: "how the rank enters the weight of the product: standard (α/r, the default) or rank-stabilized (α/√r)",
      choices: ["standard", "rank-stabilized"],
    },
  },
  make: ({ scaling, ...options }, place) => lora({ ...lowRankOptions(options, place), scaling }),
  recipe: { learningRate: 5e-3, options: () => LOW_RANK_RECIPE },
  readAdapter: (file) => file.isLora({ stabilized: false }) ? readLora(file, lora) : undefined,
});
