import type { Params } from "../nn/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What a decoder keeps of the tokens that it has read: a plain tree, each leaf of which has rows in front. */
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
  readonly cache: Cache;
}

/** A model that reads prompts at once and goes on a token of each row at a time. */
export interface CachedDecoder<Input, Cache extends DecoderCache = DecoderCache> {
  readonly config: {
    /** Tokens of the vocabulary. */
    readonly vocabSize: number;
    /** Most tokens of a text. */
    readonly maxLength: number;
  };
  /** Reads prompts: the logits of each row's last token, and a cache with room for `capacity` tokens a row, padding included. */
  prefill(params: Params, batch: Input, options: { readonly capacity: number }): Decoded<Cache>;
  /** Reads one more token of each row, i32 `[B]`, and writes it at the row's own `cache.length`, which is data. */
  step(params: Params, tokens: Tensor, cache: Cache): Decoded<Cache>;
}
