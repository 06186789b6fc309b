import { type Batch, jit, type peft, type Tensor, train } from "../../../mod.ts";
import { encodeTask, evalBatches, type Example, type HostBatch, type MetricName } from "../../../lib/data/mod.ts";
import type { Adapted } from "../model/adapted.ts";
import type { LoadedModel } from "../model/load_model.ts";
import type { TuningTask } from "../data/read_task.ts";
import { SCORES } from "./scores.ts";

/** What a model is worth on a set of examples. */
export interface Score {
  readonly examples: number;
  readonly metrics: Readonly<Partial<Record<MetricName, number>>>;
  /** A row for each example, in their order. */
  readonly logits: readonly (readonly number[])[];
}

/** Options of {@linkcode score}. */
export interface ScoreOptions {
  readonly batchSize: number;
  readonly maxLength: number;
}

/** Batches of examples in their order. */
export function batchesOf(
  examples: readonly Example[],
  { kind }: Pick<TuningTask, "kind">,
  { tokenizer, batchSize, maxLength }: Pick<LoadedModel, "tokenizer"> & ScoreOptions,
): HostBatch[] {
  const encoded = encodeTask({ task: { kind }, train: [], dev: examples }, tokenizer, { maxLength });
  return evalBatches(encoded, { batchSize, padding: "bucket" });
}

/** Logits of an adapted model as a jitted function of its state and a batch. */
export function logitsOf({ model }: LoadedModel, method: peft.Method) {
  return jit(({ base, trainable, aux }: peft.MethodState, batch: Batch): Tensor =>
    model.apply(method.adapt(base, trainable, aux), batch)
  );
}

/** Scores a model on each of a task's sets. Rejects with `TrainingFailed` where a logit is no finite number. */
export async function score(
  loaded: LoadedModel,
  { method, state }: Adapted,
  task: TuningTask,
  options: ScoreOptions,
): Promise<Record<string, Score>> {
  const logits = logitsOf(loaded, method);
  const scores: Record<string, Score> = {};
  const { base, trainable, aux } = state;
  for (const [name, examples] of Object.entries(task.sets)) {
    const batches = batchesOf(examples, task, { tokenizer: loaded.tokenizer, ...options });
    const answers: Tensor[] = [];
    const { predictions, labels } = await train.predict(async (batch) => {
      const answer = await logits({ base, trainable, aux }, batch);
      answers.push(answer);
      return answer;
    }, batches);
    const rows: number[][] = [];
    for (const [i, answer] of answers.entries()) {
      const data = await answer.data();
      const outputs = data.length / batches[i].labels.length;
      batches[i].weights.forEach((weight, row) => {
        if (weight > 0) rows.push([...data.subarray(row * outputs, (row + 1) * outputs)]);
      });
    }
    // F1 is of one class of two, whatever its number.
    const isPositive = (label: number) => Number(label === task.positive);
    const metricOf = (metric: MetricName) =>
      metric === "f1"
        ? SCORES.f1(predictions.map(isPositive), labels.map(isPositive))
        : SCORES[metric](predictions, labels);
    scores[name] = {
      examples: examples.length,
      metrics: Object.fromEntries(task.metrics.map((metric) => [metric, metricOf(metric)])),
      logits: rows,
    };
  }
  logits.dispose();
  return scores;
}

/** Metrics of each set, for people: `dev: accuracy 0.812`. */
export function scoreLines(scores: Readonly<Record<string, Score>>): string[] {
  return Object.entries(scores).map(([name, { examples, metrics }]) =>
    `${name}: ${Object.entries(metrics).map(([metric, value]) => `${metric} ${value?.toFixed(4)}`).join(", ")} ` +
    `(${examples} examples)`
  );
}
