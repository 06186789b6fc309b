import { logProbability, onesLike, sub, where } from "../ops/mod.ts";
import { formatShape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * A loss as a sum and the number of what was summed: parts of a batch add up to the whole, as means of them would not.
 */
export interface LossTerm {
  /** Sum of the rows' losses times their weights, an f32 scalar. */
  readonly sum: Tensor;
  /** Sum of the weights of the rows that count, an f32 scalar. The mean loss is sum / count. */
  readonly count: Tensor;
}

/** Options of {@linkcode crossEntropy}. */
export interface CrossEntropyOptions {
  /** Share ε of the target that is spread over all classes, in [0, 1]; 0 by default. */
  readonly labelSmoothing?: number;
  /** Label of rows that do not count; −100 by default, as in PyTorch. */
  readonly ignoreLabel?: number;
  /** f32 weights of rows, of the labels' shape; 1 each by default. */
  readonly weights?: Tensor;
}

/**
 * Cross-entropy of logits f32 `[..., classes]` with labels i32 `[...]`, in nats, the way PyTorch's `cross_entropy` sums
 * it. With label smoothing ε, the target is 1 − ε on the label, and ε / classes on each class besides. Rows with the
 * ignored label add nothing, a class with a logit of −Infinity cannot be right, and a label outside of the classes
 * makes the sum NaN.
 *
 * Throws a RangeError where labels or weights do not fit the logits, or ε is not in [0, 1].
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const logits = dd.tensor([[0, 0], [5, 5], [1, 2]]);
 * const labels = dd.tensor([0, 1, -100], { dtype: "i32" });
 * const { sum, count } = dd.nn.crossEntropy(logits, labels);
 * console.log((await sum.div(count).item()).toFixed(4), await count.item()); // 0.6931 2
 * ```
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
  const flat = labels.reshape([rows]).astype("i32");
  const isCounted = flat.notEqual(ignoreLabel);
  const counts = isCounted.astype("f32").mul(weights ? weights.reshape([rows]) : 1);
  const table = logits.reshape([rows, classes]);
  // Chosen and not multiplied: 0 · NaN would be NaN. From 0, as −0 would be printed with its sign.
  const logarithms = logProbability(table, flat, { smoothing: labelSmoothing });
  const total = sub(0, where(isCounted, logarithms.mul(counts), 0).sum());
  return { sum: total, count: counts.sum() };
}

/**
 * Squared error of predictions f32 `[B]` or `[B, 1]` with labels f32 `[B]`: the sum of squares and the number of rows,
 * whose quotient is PyTorch's `mse_loss`. `weights`, f32 `[B]`, multiply rows in both; 1 each by default.
 *
 * Throws a RangeError where there are not as many labels as predictions.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const { sum, count } = dd.nn.meanSquaredError(dd.tensor([[1], [4]]), dd.tensor([0, 2]));
 * console.log(await sum.item(), await count.item()); // 5 2
 * ```
 */
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
  const target = labels.reshape([labels.size]);
  const weights = options.weights?.reshape([labels.size]) ?? onesLike(target);
  const errors = predictions.reshape([labels.size]).sub(target).square();
  return { sum: errors.mul(weights).sum(), count: weights.sum() };
}
