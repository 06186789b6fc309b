import type { Params } from "../nn/linear.ts";
import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { PretrainedConfig, PretrainedModel } from "./architecture.ts";

/**
 * Texts on their way into a causal model, `B` rows of `T` tokens. Padding stands at the left or at the right end of a row,
 * or at both, and never between tokens.
 *
 * Labels of such a batch are shifted already: the label of a token is the token after it, −100 where nothing is asked. So
 * `crossEntropy(model.apply(params, batch), labels)` is the loss.
 */
export interface CausalBatch {
  /** Token ids, i32 `[B, T]`. */
  readonly inputIds: Tensor;
  /** Which of them count, i32 `[B, T]`: 1 for tokens, 0 for padding. */
  readonly attentionMask: Tensor;
  /**
   * Place of each token in its text, i32 `[B, T]`; counted from 0 at the text's first token by default, whatever padding
   * stands before it, as `generate` of transformers does.
   */
  readonly positionIds?: Tensor;
  /**
   * Which text of a packed row a token is of, i32 `[B, T]`: texts lie one behind the other, so that equal numbers are
   * neighbours. A token sees those of its own text alone, and positions begin anew. One text a row by default.
   */
  readonly segmentIds?: Tensor;
  /** Which tokens' logits are asked for, i32 `[M]`, as places in the batch's `B · T` tokens; all of them by default. */
  readonly positions?: Tensor;
}

/**
 * What a decoder keeps of the tokens that it has read: a plain tree, each leaf of which has rows in front, so that
 * {@linkcode takeRows} reorders or repeats rows.
 */
export interface DecoderCache {
  /** Keys of each layer, f32 `[B, G, S, d]`: G heads, S slots. */
  readonly keys: readonly Tensor[];
  /** Values of each layer, f32 `[B, G, S, d]`. */
  readonly values: readonly Tensor[];
  /** First slot of each row that holds a token, i32 `[B]`: as many as there is padding on the left. */
  readonly first: Tensor;
  /** Slot of each row into which its next token goes, i32 `[B]`. That token's position is `length − first`. */
  readonly length: Tensor;
}

/** What reading tokens gives. */
export interface Decoded<Cache = DecoderCache> {
  /** Logits of the token after each row's last one, f32 `[B, vocabulary]`. */
  readonly logits: Tensor;
  /** What is kept of all tokens that were read. */
  readonly cache: Cache;
}

/** A model that reads prompts at once and goes on a token of each row at a time. */
export interface CachedDecoder<Input, Cache extends DecoderCache = DecoderCache> {
  /** What is known of the model without its parameters. */
  readonly config: {
    /** Tokens of the vocabulary. */
    readonly vocabSize: number;
    /** Most tokens of a text. */
    readonly maxLength: number;
    /** Of an encoder with a decoder: what the decoder reads before it has written anything. */
    readonly tokens?: { readonly decoderStartId: number };
  };
  /**
   * Reads prompts: the logits of each row's last token, whichever side is padded, and a cache with room for `capacity`
   * tokens a row, padding included.
   *
   * Throws a RangeError where the prompts are longer than the capacity or the model's positions, or where the batch says
   * more than a step could go on with: positions of its own, several texts in a row, tokens that are asked for.
   */
  prefill(params: Params, batch: Input, options: { readonly capacity: number }): Decoded<Cache>;
  /**
   * Reads one more token of each row, i32 `[B]`. Each row is written at its own `cache.length`, which is data: another place
   * needs no other plan of a jitted function, and where the cache is donated, only that slot is written. There must be room:
   * a row past the capacity would overwrite its last slot.
   */
  step(params: Params, tokens: Tensor, cache: Cache): Decoded<Cache>;
  /**
   * A cache whose rows are those of the given numbers, i32 `[N]`, where rows of one prompt have something in common that is
   * kept once: those of a prompt must be neighbours, as many as of any other. {@linkcode takeRows} by default.
   */
  takeRows?(cache: Cache, rows: Tensor): Cache;
}

/** Sizes and settings of a decoder that a `config.json` describes, with all defaults filled in. */
export interface PretrainedDecoderConfig extends PretrainedConfig {
  /** Heads of keys and values, each of which `heads / keyValueHeads` heads of queries share. */
  readonly keyValueHeads: number;
  /** Width of a head. */
  readonly headSize: number;
  /**
   * Whether logits are products with the embeddings of words, unless parameters have a `lm_head.weight` of their own, as
   * they do where an adapter changes one of the two alone.
   */
  readonly tiesEmbeddings: boolean;
}

/** A causal language model as a `config.json` describes it, with parameters under Hugging Face's names. */
export interface PretrainedDecoder extends PretrainedModel, CachedDecoder<CausalBatch> {
  /** Sizes and settings, with all defaults filled in. */
  readonly config: PretrainedDecoderConfig;
  /**
   * Logits of the token after each one, f32 `[B, T, vocabulary]`, or `[M, vocabulary]` at the batch's positions; with a
   * head for classification `[B, labels]`, from each row's last token. Without a key nothing is dropped out. Throws a
   * RangeError where rows are longer than the model's positions, and an Error where a parameter is missing.
   */
  apply(params: Params, batch: CausalBatch, key?: Key): Tensor;
}
