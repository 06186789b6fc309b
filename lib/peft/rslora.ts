import type { LowRankTrainable } from "./factors.ts";
import { readLora } from "./read_lora.ts";
import { lora, type LoraOptions } from "./lora.ts";
import { LOW_RANK, LOW_RANK_RECIPE, lowRankOptions } from "./low_rank_options.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";

/** rsLoRA (2312.03732): LoRA whose branch weighs α/√r, so that its share does not shrink as the rank grows. */
export function rslora(options: Omit<LoraOptions, "scaling">): Method<LowRankTrainable, Record<string, never>> {
  return { ...lora({ ...options, scaling: "rank-stabilized" }), name: "rslora" };
}

/** {@linkcode rslora} as trainers, command lines and records know it. */
export const rsloraMethod: MethodDescription = defineMethod({
  name: "rslora",
  summary: "LoRA whose product weighs α/√r, so that its share does not shrink as the rank grows",
  paper: "https://arxiv.org/abs/2312.03732",
  options: LOW_RANK,
  make: (options, place) => rslora(lowRankOptions(options, place)),
  recipe: { learningRate: 2e-3, options: () => LOW_RANK_RECIPE },
  readAdapter: (file) => file.isLora({ stabilized: true }) ? readLora(file, rslora) : undefined,
});
