/**
 * Models as pairs of pure functions, with parameters under Hugging Face's names.
 *
 * @module
 */
export type { AnyHeadName, FromConfigOptions, HeadName, PretrainedConfig, PretrainedModel } from "./architecture.ts";
export type { ActivationName } from "./activations.ts";
export type { ShapedModel } from "./assemble.ts";
export { bert, type BertConfig, bertForMaskedLM } from "./bert.ts";
export { checkpointOf } from "./checkpoint_of.ts";
export { configFor } from "./config_for.ts";
export { defineModel, type GivenSizes, type ModelDescription } from "./define_model.ts";
export type {
  CachedDecoder,
  CausalBatch,
  Decoded,
  DecoderCache,
  PretrainedDecoder,
  PretrainedDecoderConfig,
} from "./causal.ts";
export { takeRows } from "./decoder_cache.ts";
export type { EncoderSizes } from "./encoder.ts";
export { fromConfig, LORA_TARGETS } from "./from_config.ts";
export type { Batch, MaskedBatch, Model } from "./model.ts";
export type {
  PretrainedSeq2Seq,
  PretrainedSeq2SeqConfig,
  Seq2SeqBatch,
  Seq2SeqCache,
  Seq2SeqTokens,
} from "./seq2seq.ts";
export { type Seq2SeqExamples, seq2seqLoss, type Seq2SeqLossOptions } from "./seq2seq_loss.ts";
export { shiftRight } from "./shift_right.ts";
export type { ParameterShape } from "./parameter_shapes.ts";
export { type LoadReport, paramsFrom, type ParamsFromOptions } from "./params_from.ts";
