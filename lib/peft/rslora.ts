import type { LowRankTrainable } from "./factors.ts";
import { readLora } from "./read_lora.ts";
import { lora, type LoraOptions } from "./lora.ts";
import { DATA_LOW_RANK, LOW_RANK_RECIPE, lowRankOptions } from "./low_rank_options.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";

/**
 * rsLoRA ([2312.03732](https://arxiv.org/abs/2312.03732)): {@linkcode lora} whose branch weighs α/√r, so that its share
 * does not shrink as the rank grows; PEFT's `use_rslora`.
 *
 * Throws a RangeError where {@linkcode lora} does.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const method = dd.peft.rslora({ rank: 4, alpha: 4, targets: ["query"] });
 * const factors = { query: { A: dd.ones([4, 2]), B: dd.ones([1, 4]) } };
 * const base = { "query.weight": dd.zeros([1, 2]) };
 * const merged = method.merge({ base, trainable: { factors, heads: {} }, aux: {} });
 * console.log(await merged["query.weight"].data()); // Float32Array [8, 8]
 * ```
 */
export function rslora(options: Omit<LoraOptions, "scaling">): Method<LowRankTrainable, Record<string, never>> {
  return { ...lora({ ...options, scaling: "rank-stabilized" }), name: "rslora" };
}

/**
 * The description of {@linkcode rslora} for trainers, command lines and records: options with defaults, recipe,
 * adapters.
 */
export const rsloraMethod: MethodDescription = defineMethod({
  name: "rslora",
  summary: "LoRA whose product weighs α/√r, so that its share does not shrink as the rank grows",
  paper: "https://arxiv.org/abs/2312.03732",
  options: DATA_LOW_RANK,
  make: (options, place) => rslora(lowRankOptions(options, place)),
  recipe: { learningRate: 2e-3, options: () => LOW_RANK_RECIPE },
  readAdapter: (file) => file.isLora({ stabilized: true }) ? readLora(file, rslora) : undefined,
});
