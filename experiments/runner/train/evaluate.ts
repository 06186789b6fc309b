import { type Batch, type Tensor, train } from "../../../mod.ts";
import { type EncodedTask, evalBatches } from "../../../lib/data/mod.ts";
import type { RunSpec } from "../../../lib/experiment/mod.ts";
import { SCORES } from "./scores.ts";
import type { RunTask } from "../data/inputs.ts";

/** Examples that are scored at a time. */
export const EVAL_BATCH_SIZE = 64;

/** Batches that a split is scored in. */
export function scoredBatches(encoded: EncodedTask, { padding }: Pick<RunSpec, "padding">) {
  return evalBatches(encoded, { batchSize: EVAL_BATCH_SIZE, padding });
}

/** How many batches a task's scores take. */
export function scoredCount({ encoded, mismatched }: RunTask): number {
  return Math.ceil(encoded.dev.length / EVAL_BATCH_SIZE) + Math.ceil((mismatched?.dev.length ?? 0) / EVAL_BATCH_SIZE);
}

/**
 * All official metrics of a task on its dev split; of MNLI the accuracy on the mismatched examples, too, where they are
 * there.
 *
 * Rejects with `TrainingFailed` where a logit is no finite number.
 */
export async function evaluate(
  apply: (batch: Batch) => Promise<Tensor>,
  { data, encoded, mismatched }: RunTask,
  spec: Pick<RunSpec, "padding">,
): Promise<Record<string, number>> {
  const answers = async (split: EncodedTask) => await train.predict(apply, scoredBatches(split, spec));
  const { predictions, labels } = await answers(encoded);
  const metrics = Object.fromEntries(data.task.metrics.map((name) => [name, SCORES[name](predictions, labels)]));
  if (!mismatched) return metrics;
  const other = await answers(mismatched);
  return { ...metrics, mismatchedAccuracy: SCORES.accuracy(other.predictions, other.labels) };
}
