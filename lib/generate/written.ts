import type { Tensor } from "../tensor/tensor.ts";

/**
 * What stands in `R` rows so far, prompt and text, as functions that change logits see it: tokens lie in `S` slots, and
 * a row's own are those from `first` up to and without `length`.
 */
export interface Written {
  /** Token ids, i32 `[R, S]`. */
  readonly tokens: Tensor;
  /** The slot of each row's first token, i32 `[R]`: what is before it is padding. */
  readonly first: Tensor;
  /** The slot behind each row's last token, i32 `[R]`. */
  readonly length: Tensor;
}
