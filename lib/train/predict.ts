import type { HostBatch } from "../data/batches.ts";
import type { Batch } from "../models/model.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { TrainingFailed } from "./run_steps.ts";
import { toBatch } from "./to_batch.ts";

/** What a model says of examples, and what is right. */
export interface Predictions {
  /** Classes, or scores of a regression. */
  readonly predictions: readonly number[];
  readonly labels: readonly number[];
}

/**
 * Logits of batches as predictions: the largest of several, or the only one as a score. Rows of weight 0 are left out.
 * Two batches are in flight at a time.
 *
 * Rejects with {@linkcode TrainingFailed} when a logit is no finite number: the largest of several would be some class.
 */
export async function predict(
  apply: (batch: Batch) => Promise<Tensor>,
  batches: readonly HostBatch[],
): Promise<Predictions> {
  const predictions: number[] = [];
  const labels: number[] = [];
  const collect = async (logits: Tensor, { labels: wanted, weights }: HostBatch) => {
    const data = await logits.data();
    const classes = data.length / wanted.length;
    for (let row = 0; row < wanted.length; row++) {
      if (weights[row] === 0) continue;
      const scores = data.subarray(row * classes, (row + 1) * classes);
      const wrong = scores.find((score) => !Number.isFinite(score));
      if (wrong !== undefined) {
        throw new TrainingFailed(
          `the model answers ${wrong} to example ${labels.length}: a lower learning rate or clipping may help`,
        );
      }
      let best = 0;
      for (let i = 1; i < classes; i++) if (scores[i] > scores[best]) best = i;
      predictions.push(classes === 1 ? scores[0] : best);
      labels.push(wanted[row]);
    }
  };
  let last: { readonly logits: Tensor; readonly batch: HostBatch } | undefined;
  for (const batch of batches) {
    const logits = await apply(toBatch(batch));
    if (last) await collect(last.logits, last.batch);
    last = { logits, batch };
  }
  if (last) await collect(last.logits, last.batch);
  return { predictions, labels };
}
