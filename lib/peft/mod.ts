/**
 * Methods of parameter-efficient fine-tuning as pure functions, and what a method of one's own is made of.
 *
 * @module
 */
export * from "./methods.ts";
export { methodNamed, METHODS } from "./registry.ts";
export {
  defineMethod,
  type DormantOptions,
  type GuestMethod,
  type MethodDefinition,
  type MethodDescription,
  type MethodProgram,
  type MethodRecipe,
  type OptimizerPlace,
} from "./method_description.ts";
export {
  type BooleanOption,
  completeOptions,
  type MethodData,
  type MethodOptions,
  type MethodPlace,
  type NumberOption,
  type OptionDescription,
  type OptionSchema,
  type OptionValue,
  type OptionValues,
  type TextOption,
  wantedOf,
} from "./method_options.ts";
export { type AdapterFile, type AdapterReading } from "./files/adapter_file.ts";
export type { Bottleneck, BottleneckOptions } from "./bottleneck.ts";
export type { ChosenTrainable } from "./chosen_parameters.ts";
export {
  type DeltaLoraState,
  deltaLoraUpdate,
  type DeltaLoraUpdateOptions,
  factoredDelta,
} from "./delta_lora_update.ts";
export { type AdapterMethod, adapterMethod, type AdapterMethodOptions } from "./adapter_method.ts";
export {
  type AdapterParts,
  loraAdapter,
  type LoraAdapterParts,
  ownAdapter,
  peftAdapter,
} from "./files/adapter_files.ts";
export { type TaskType, withTaskType } from "./files/task_type.ts";
export { PEFT_PREFIX } from "./files/adapter_tensors.ts";
export { changeOf, type Factors, type LowRankPatterns, type LowRankTrainable } from "./factors.ts";
export {
  type AdaptedTarget,
  adaptWith,
  countParameters,
  type LowRankOptions,
  mergeWith,
  takeHeads,
} from "./low_rank.ts";
export { LOW_RANK, lowRankOptions } from "./low_rank_options.ts";
export { type BranchDropout, LowRankWeight } from "./low_rank_weight.ts";
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
export { type RestartAux, type RestartOptions } from "./restarted_lora.ts";
export { DEFAULT_HEADS, selectHeads, selectTargets, type TargetPattern } from "./targets.ts";
