/**
 * Methods of parameter-efficient fine-tuning as pure functions.
 *
 * @module
 */
export { adalora, type AdaloraAux, type AdaloraOptions, type Triplets } from "./adalora.ts";
export { bitfit, type BitfitOptions, type BitfitTrainable } from "./bitfit.ts";
export { type Bottleneck, type BottleneckOptions, houlsby, pfeiffer } from "./bottleneck.ts";
export { deltaLora, type DeltaLoraAux, type DeltaLoraOptions } from "./delta_lora.ts";
export {
  type DeltaLoraState,
  deltaLoraUpdate,
  type DeltaLoraUpdateOptions,
  factoredDelta,
} from "./delta_lora_update.ts";
export { dora, type DoraFactors, type DoraOptions } from "./dora.ts";
export { dylora, dyloraAt, type DyloraAux, type DyloraOptions } from "./dylora.ts";
export { type AdapterMethod, adapterMethod } from "./adapter_method.ts";
export { full, type FullTrainable } from "./full.ts";
export { lora, type LoraOptions, rslora, scaledLora, type ScaledLoraAux, type ScaledLoraOptions } from "./lora.ts";
export { loraPlus, type LoraPlusOptions } from "./lora_plus.ts";
export { PEFT_PREFIX } from "./files/adapter_tensors.ts";
export type { Factors, LowRankOptions, LowRankPatterns, LowRankTrainable } from "./low_rank.ts";
export { type BranchDropout, type Factored, LowRankWeight } from "./low_rank_weight.ts";
export type {
  Adapter,
  AfterResult,
  AfterStep,
  BaseParams,
  Method,
  MethodParts,
  MethodReport,
  MethodState,
} from "./method.ts";
export { DEFAULT_HEADS, selectHeads, selectTargets, type TargetPattern } from "./targets.ts";
