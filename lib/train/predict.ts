import type { HostBatch } from "../data/batches.ts";
import type { Batch } from "../models/model.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { TrainingFailed } from "./step_log.ts";
import { toBatch } from "./to_batch.ts";

/** What a model says of examples, and what is right, as `dd.metrics` takes it. */
export interface Predictions {
  /** Numbers of classes, or scores of a regression, one for each example. */
  readonly predictions: readonly number[];
  /** The examples' own classes or scores, in the same order. */
  readonly labels: readonly number[];
}

/**
 * Predictions of batches from their logits `[B, classes]`: the class of the largest, or with one class the logit itself
 * as a score. Rows of weight 0, which only fill a batch, are left out. Two batches are in flight at a time.
 *
 * Rejects with {@linkcode TrainingFailed} where a logit is no finite number: the largest of several would be some
 * class.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const examples = [1, 2, 2].map((id) => ({ ids: [id], typeIds: [0], label: 1 }));
 * const batches = dd.data.batches({ examples, kind: "classes", length: 1, padId: 0 }, { batchSize: 2 });
 * const apply = async (batch: dd.Batch) => await dd.evaluate(dd.oneHot(batch.inputIds.reshape([-1]), 3));
 * console.log(await dd.train.predict(apply, batches)); // { predictions: [1, 2, 2], labels: [1, 1, 1] }
 * ```
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
