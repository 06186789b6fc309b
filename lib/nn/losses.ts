import {
  add,
  cast,
  logProbability,
  logSoftmax,
  mean,
  mul,
  notEqual,
  onesLike,
  reshape,
  square,
  sub,
  sum,
  where,
} from "../ops/mod.ts";
import { formatShape, sizeOf } from "../tensor/shape.ts";
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
 * Cross-entropy of logits `[..., classes]` with labels i32 `[...]`, the way PyTorch's `cross_entropy` sums it: with label
 * smoothing ε the target is (1 − ε) on the label and ε / classes on each. Rows with the ignored label add nothing,
 * classes with a logit of −Infinity are none, and a label outside of the classes makes the sum NaN.
 *
 * Throws a RangeError where labels or weights do not fit the logits, or ε is not in [0, 1].
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): LossTerm {
  const { labelSmoothing = 0, ignoreLabel = -100, weights } = options;
  const classes = logits.shape[logits.rank - 1];
  const rows = sizeOf(logits.shape.slice(0, -1));
  for (const [name, part] of [["labels", labels], ["weights", weights]] as const) {
    if (!part || part.size === rows) continue;
    const [got, wanted] = [formatShape(part.shape), formatShape(logits.shape)];
    throw new RangeError(`crossEntropy: ${name} ${got} do not fit logits ${wanted}`);
  }
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new RangeError(`crossEntropy: label smoothing lies in [0, 1], not ${labelSmoothing}`);
  }
  const flat = cast(reshape(labels, [rows]), "i32");
  const isCounted = notEqual(flat, ignoreLabel);
  const counts = mul(cast(isCounted, "f32"), weights ? reshape(weights, [rows]) : 1);
  const table = reshape(logits, [rows, classes]);
  // Chosen and not multiplied: 0 · NaN would be NaN. From 0, as −0 would be printed with its sign.
  let total = sub(0, sum(where(isCounted, mul(logProbability(table, flat), counts), 0)));
  if (labelSmoothing > 0) {
    const means = mean(logSoftmax(table), { axis: -1 });
    const spread = sub(0, sum(where(isCounted, mul(means, counts), 0)));
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
