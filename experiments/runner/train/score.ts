import { type Batch, jit, type peft, type Tensor, train } from "../../../mod.ts";
import type { WrittenRow } from "../data/text_metrics.ts";
import { batches, encode, type Example, type HostBatch } from "../../../lib/data/mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { keysOf } from "../../../lib/text/keys_of.ts";
import { requireName } from "../../../lib/text/nearest.ts";
import { quoted } from "../../../lib/text/quoted.ts";
import type { AnyRunTask, RunTask } from "../data/inputs.ts";
import type { TextRunTask } from "../data/encode_texts.ts";
import type { TuningTask } from "../data/read_task.ts";
import type { Adapted } from "../model/adapted.ts";
import type { LoadedModel } from "../model/load_model.ts";
import { type AnyEncoded, type AnyHostBatch, batchesInOrder } from "./host_batches.ts";
import { SCORES } from "./scores.ts";

/** Examples that are scored at a time, unless a spec says otherwise. */
export const SCORE_BATCH_SIZE = 64;

/** What a model is worth on a set of examples. */
export interface Score {
  readonly examples: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** A row for each example, in their order. */
  readonly logits: readonly (readonly number[])[];
  /** Of written texts a row for each, beside what is right. */
  readonly texts?: readonly WrittenRow[];
}

/** Rows of logits of examples, without those that only fill a batch. */
async function rowsOf(answers: readonly Tensor[], batches: readonly HostBatch[]): Promise<number[][]> {
  const rows: number[][] = [];
  for (const [i, answer] of answers.entries()) {
    const data = await answer.data();
    const outputs = data.length / batches[i].labels.length;
    batches[i].weights.forEach((weight, row) => {
      if (weight > 0) rows.push([...data.subarray(row * outputs, (row + 1) * outputs)]);
    });
  }
  return rows;
}

const METRIC_NAMES = keysOf(SCORES);

/** All metrics of a task. */
function metricsOf(
  { metrics, scorers = {}, positive }: Pick<TuningTask, "metrics" | "scorers" | "positive">,
  { predictions, labels }: train.Predictions,
): Score["metrics"] {
  // F1 is of one class of two, whatever its number.
  const isPositive = (label: number) => Number(label === positive);
  const metricOf = (metric: string) => {
    if (Object.hasOwn(scorers, metric)) {
      const value: unknown = scorers[metric](predictions, labels);
      if (typeof value === "number") return value;
      throw new TypeError(`the metric ${metric} gives ${quoted(value)}, and not a number`);
    }
    if (metric === "f1") return SCORES.f1(predictions.map(isPositive), labels.map(isPositive));
    return SCORES[requireName("metric", metric, METRIC_NAMES)](predictions, labels);
  };
  return Object.fromEntries(metrics.map((metric) => [metric, metricOf(metric)]));
}

/** Batches that a set is scored in. */
export function scoredBatches(
  set: RunTask["sets"][string],
  options: Pick<RunSpec, "scoreBatchSize" | "padding">,
): HostBatch[];
/** Batches that a set of any kind is scored in. */
export function scoredBatches(
  set: AnyEncoded,
  options: Pick<RunSpec, "scoreBatchSize" | "padding">,
): AnyHostBatch[];
export function scoredBatches(
  set: AnyEncoded,
  { scoreBatchSize = SCORE_BATCH_SIZE, padding }: Pick<RunSpec, "scoreBatchSize" | "padding">,
): AnyHostBatch[] {
  return batchesInOrder(set, { batchSize: scoreBatchSize, padding });
}

/** How many batches a task's scores take. */
export function scoredCount(
  { sets }: AnyRunTask,
  { scoreBatchSize = SCORE_BATCH_SIZE }: Pick<RunSpec, "scoreBatchSize">,
): number {
  return Object.values<AnyEncoded>(sets).reduce(
    (sum, { examples }) => sum + Math.ceil(examples.length / scoreBatchSize),
    0,
  );
}

/** Scores answers on each of a task's sets. Rejects with `TrainingFailed` where a logit is no finite number. */
export async function scoreSets(
  apply: (batch: Batch) => Promise<Tensor>,
  { task, sets }: Pick<RunTask, "sets"> & { readonly task: Pick<TuningTask, "metrics" | "scorers" | "positive"> },
  spec: Pick<RunSpec, "scoreBatchSize" | "padding">,
): Promise<Record<string, Score>> {
  const scores: Record<string, Score> = {};
  for (const [name, set] of Object.entries(sets)) {
    const scored = scoredBatches(set, spec);
    const answers: Tensor[] = [];
    const predicted = await train.predict(async (batch) => {
      const answer = await apply(batch);
      answers.push(answer);
      return answer;
    }, scored);
    const logits = await rowsOf(answers, scored);
    scores[name] = { examples: set.examples.length, metrics: metricsOf(task, predicted), logits };
  }
  return scores;
}

/** What scores of written texts are called among those of sets. */
export const TEXTS = "texts";

/**
 * Scores the likelihood of texts: `loss` and `perplexity` are of a mean token, `tokenAccuracy` is the share of tokens that the
 * model holds for the most likely ones. Rejects with `TrainingFailed` where it is no finite number.
 *
 * @param answers What each batch is scored by, in the order of the sets' batches.
 */
export async function scoreLikelihood(
  answers: readonly Tensor[],
  { sets }: Pick<TextRunTask, "sets">,
  spec: Pick<RunSpec, "scoreBatchSize" | "padding">,
): Promise<Record<string, Score>> {
  const scores: Record<string, Score> = {};
  let next = 0;
  for (const [name, set] of Object.entries(sets)) {
    const own = answers.slice(next, next += scoredBatches(set, spec).length);
    const totals = [0, 0, 0]; // of losses, of tokens, of right ones
    for (const answer of own) (await answer.data()).forEach((value, i) => totals[i] += value);
    const loss = totals[0] / totals[1];
    if (!Number.isFinite(loss)) {
      throw new train.TrainingFailed(
        `the loss of ${name} is ${loss}: a lower learning rate or clipping may help`,
      );
    }
    const metrics = { loss, perplexity: Math.exp(loss), tokenAccuracy: totals[2] / totals[1] };
    scores[name] = { examples: set.examples.length, metrics, logits: [] };
  }
  return scores;
}

/** Metrics of all sets by one name each: those of the dev split by their own, of MNLI's other one `mismatchedAccuracy`. */
export function flatMetrics(scores: Readonly<Record<string, Score>>): Record<string, number> {
  const named = Object.entries(scores).flatMap(([set, { metrics }]) =>
    Object.entries(metrics).map(([metric, value]) => [
      set === "dev" || set === TEXTS ? metric : `${set}${metric[0].toUpperCase()}${metric.slice(1)}`,
      value,
    ])
  );
  return Object.fromEntries(named);
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
  return batches(encode(examples, tokenizer, { kind, maxLength }), { batchSize, padding: "bucket" });
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
  { batchSize, maxLength }: ScoreOptions,
): Promise<Record<string, Score>> {
  const logits = logitsOf(loaded, method);
  const { base, trainable, aux } = state;
  const sets = Object.fromEntries(
    Object.entries(task.sets).map(([name, examples]) => [
      name,
      encode(examples, loaded.tokenizer, { kind: task.kind, maxLength }),
    ]),
  );
  const spec = { scoreBatchSize: batchSize, padding: "bucket" } as const;
  const scores = await scoreSets((batch) => logits({ base, trainable, aux }, batch), { task, sets }, spec);
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
