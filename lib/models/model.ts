import type { Params } from "../nn/linear.ts";
import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Tokenised examples on their way into a model: `B` rows of `T` tokens. */
export interface Batch {
  /** i32 `[B, T]`. */
  readonly inputIds: Tensor;
  /** i32 `[B, T]`: 1 for tokens, 0 for padding. */
  readonly attentionMask: Tensor;
  /** i32 `[B, T]`: 0 for the first text, 1 for the second. */
  readonly tokenTypeIds: Tensor;
  /** i32 classes `[B]`, f32 scores `[B]`, or i32 tokens `[B, T]`; −100 where nothing is asked. */
  readonly labels: Tensor;
  /** f32 `[B]`: 0 for rows that only fill the batch. */
  readonly weights?: Tensor;
}

/** A batch for models that fill masked tokens. */
export interface MaskedBatch extends Omit<Batch, "labels"> {
  /** i32 `[M]`: positions in `[B · T]` whose tokens are asked for; all of them by default. */
  readonly positions?: Tensor;
}

/** A network as a pair of pure functions on a flat record of parameters under Hugging Face's names. */
export interface Model<Config, Input = Omit<Batch, "labels">> {
  /** Sizes, with all defaults filled in. */
  readonly config: Config;
  /** Fresh parameters. */
  init(key: Key): Record<string, Tensor>;
  /** Logits of a batch. Without a key nothing is dropped out. */
  apply(params: Params, batch: Input, key?: Key): Tensor;
}
