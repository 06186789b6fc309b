/**
 * Networks as pairs of pure functions.
 *
 * @module
 */
export type { FromConfigOptions, HeadName, PretrainedConfig, PretrainedModel } from "./architecture.ts";
export { bert, type BertConfig, bertForMaskedLM } from "./bert.ts";
export { fromConfig, LORA_TARGETS } from "./from_config.ts";
export type { Batch, MaskedBatch, Model } from "./model.ts";
export { type LoadReport, paramsFrom, type ParamsFromOptions } from "./params_from.ts";
