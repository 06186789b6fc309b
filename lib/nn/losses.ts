import {
  add,
  cast,
  expandDims,
  logSoftmax,
  mean,
  mul,
  neg,
  notEqual,
  oneHot,
  onesLike,
  reshape,
  square,
  sub,
  sum,
} from "../ops/mod.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A loss as a sum and the number of what was summed, so that parts of a batch add up to the whole. */
export interface LossTerm {
  /** f32 scalar. */
  readonly sum: Tensor;
  /** f32 scalar. */
  readonly count: Tensor;
}

/** Options of {@linkcode crossEntropy}. */
export interface CrossEntropyOptions {
  /** Share of the target that is spread over all classes, 0 by default. */
  readonly labelSmoothing?: number;
  /** Label of rows that do not count, −100 by default. */
  readonly ignoreLabel?: number;
  /** f32 weights of rows, as labels are shaped. */
  readonly weights?: Tensor;
}

/**
 * Cross-entropy of logits `[..., classes]` with labels i32 `[...]`, as PyTorch's `cross_entropy` sums it: with label
 * smoothing ε the target is (1 − ε) on the label and ε / classes on each. Rows with the ignored label add nothing.
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): LossTerm {
  const { labelSmoothing = 0, ignoreLabel = -100, weights } = options;
  const classes = logits.shape[logits.rank - 1];
  const rows = logits.size / classes;
  if (labels.size !== rows) {
    throw new RangeError(
      `crossEntropy: labels ${formatShape(labels.shape)} do not fit logits ${formatShape(logits.shape)}`,
    );
  }
  const flat = reshape(labels, [rows]);
  const counts = mul(cast(notEqual(flat, ignoreLabel), "f32"), weights ? reshape(weights, [rows]) : 1);
  const logProbabilities = logSoftmax(reshape(logits, [rows, classes]));
  const hit = mul(oneHot(flat, classes), expandDims(counts, 1));
  let total = neg(sum(mul(hit, logProbabilities)));
  if (labelSmoothing > 0) {
    const spread = neg(sum(mul(mean(logProbabilities, { axis: -1 }), counts)));
    total = add(mul(total, 1 - labelSmoothing), mul(spread, labelSmoothing));
  }
  return { sum: total, count: sum(counts) };
}

/** Squared error of predictions `[B]` or `[B, 1]` with f32 labels `[B]`, and optional weights of rows. */
export function meanSquaredError(
  predictions: Tensor,
  labels: Tensor,
  options: { readonly weights?: Tensor } = {},
): LossTerm {
  if (predictions.size !== labels.size) {
    throw new RangeError(
      `meanSquaredError: labels ${formatShape(labels.shape)} do not fit predictions ${formatShape(predictions.shape)}`,
    );
  }
  const target = reshape(labels, [labels.size]);
  const weights = options.weights ? reshape(options.weights, [labels.size]) : onesLike(target);
  const errors = square(sub(reshape(predictions, [labels.size]), target));
  return { sum: sum(mul(errors, weights)), count: sum(weights) };
}
