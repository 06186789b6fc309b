import type { Params } from "../nn/linear.ts";
import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Tokenised examples on their way into a model: `B` rows of `T` tokens. */
export interface Batch {
  /** Token ids, i32 `[B, T]`. */
  readonly inputIds: Tensor;
  /** Which tokens count, i32 `[B, T]`: 1 for tokens, 0 for padding. */
  readonly attentionMask: Tensor;
  /** Which text a token is of, i32 `[B, T]`: 0 for the first text, 1 for the second. */
  readonly tokenTypeIds: Tensor;
  /** What is right: i32 classes `[B]`, f32 scores `[B]`, or i32 tokens `[B, T]`; −100 where nothing is asked. */
  readonly labels: Tensor;
  /** Weights of rows, f32 `[B]`: 0 for those that only fill the batch. 1 each by default. */
  readonly weights?: Tensor;
}

/** A batch for models that fill masked tokens. */
export interface MaskedBatch extends Omit<Batch, "labels"> {
  /**
   * Which tokens are asked for, i32 `[M]`, as places in the batch's `B · T` tokens; all of them by default. Of `[B, P]`,
   * each row's are among its own `T` tokens, and the last layer computes no others.
   */
  readonly positions?: Tensor;
}

/** A network as a pair of pure functions on a flat record of parameters under Hugging Face's names. */
export interface Model<Config, Input = Omit<Batch, "labels">> {
  /** Sizes, with all defaults filled in. */
  readonly config: Config;
  /** Fresh parameters in f32, drawn from a key. */
  init(key: Key): Record<string, Tensor>;
  /**
   * Logits of a batch, f32. Without a key nothing is dropped out. Throws a RangeError where texts are longer than the
   * model's positions, and an Error where a parameter is missing.
   */
  apply(params: Params, batch: Input, key?: Key): Tensor;
}
