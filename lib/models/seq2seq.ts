import type { Params } from "../nn/linear.ts";
import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { PretrainedConfig, PretrainedModel } from "./architecture.ts";
import type { CachedDecoder, DecoderCache } from "./causal.ts";

/** Texts on their way into an encoder, and those that its decoder is to write: `B` rows of `S` and of `T` tokens. */
export interface Seq2SeqBatch {
  /** Token ids of what is read, i32 `[B, S]`. */
  readonly inputIds: Tensor;
  /** Which of them count, i32 `[B, S]`: 1 for tokens, 0 for padding, wherever it stands. */
  readonly attentionMask: Tensor;
  /** Token ids of what is written, i32 `[B, T]`, the start of decoding first: `shiftRight` makes them of labels. */
  readonly decoderInputIds: Tensor;
  /** Which of those count, i32 `[B, T]`; all of them by default, as each sees only what stands before it. */
  readonly decoderAttentionMask?: Tensor;
  /** Which tokens' logits are asked for, i32 `[M]`, as places in the `B · T` written ones; all of them by default. */
  readonly positions?: Tensor;
}

/** Tokens that a model which writes texts gives a meaning to, by their ids. */
export interface Seq2SeqTokens {
  /** Fills rows: `pad_token_id`. */
  readonly padId: number;
  /** Begins texts: `bos_token_id`. */
  readonly firstId?: number;
  /** End texts: `eos_token_id`, one or several. */
  readonly endIds: readonly number[];
  /** What the decoder reads before it has written anything: `decoder_start_token_id`. */
  readonly decoderStartId: number;
  /** What it has to write first: `forced_bos_token_id`. */
  readonly forcedFirstId?: number;
  /** What it has to write where a text becomes too long: `forced_eos_token_id`, one or several, or none. */
  readonly forcedEndIds: readonly number[];
}

/**
 * What a decoder that attends to an encoder keeps: beside its own tokens the encoder's keys and values, which are computed
 * once. They may have fewer rows than the rest, `B / N`: then each serves `N` neighbours, the beams of one text say.
 */
export interface Seq2SeqCache extends DecoderCache {
  /** Keys of what was read, of each layer: f32 `[B, H, S, d]`. */
  readonly crossKeys: readonly Tensor[];
  /** Values of what was read, of each layer: f32 `[B, H, S, d]`. */
  readonly crossValues: readonly Tensor[];
  /** Which tokens of what was read count, i32 `[B, S]`. */
  readonly crossMask: Tensor;
}

/** Sizes and settings of an encoder and its decoder, with all defaults filled in; sizes of both, or the encoder's. */
export interface PretrainedSeq2SeqConfig extends PretrainedConfig {
  /** Number of the decoder's layers. */
  readonly decoderLayers: number;
  /** Heads of attention in each of them. */
  readonly decoderHeads: number;
  /** Width between the two projections of their feed-forward parts. */
  readonly decoderIntermediateSize: number;
  /** Rate of dropout behind activations, where a key is given. */
  readonly activationDropout: number;
  /** Tokens with a meaning of their own. */
  readonly tokens: Seq2SeqTokens;
}

/** An encoder with a decoder as a `config.json` describes it, with parameters under Hugging Face's names. */
export interface PretrainedSeq2Seq
  extends Omit<PretrainedModel, "apply" | "config">, CachedDecoder<Seq2SeqBatch, Seq2SeqCache> {
  /** Sizes and settings, with all defaults filled in. */
  readonly config: PretrainedSeq2SeqConfig;
  /**
   * Logits of the token after each written one, f32 `[B, T, vocabulary]`, or `[M, vocabulary]` at the batch's positions.
   * Without a key nothing is dropped out. Throws a RangeError where rows are longer than the model's positions, and an
   * Error where a parameter is missing.
   */
  apply(params: Params, batch: Seq2SeqBatch, key?: Key): Tensor;
}
