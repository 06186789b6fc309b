import { type Batch, type Tensor, train } from "../../../mod.ts";
import { type HostBatch, seededPermutation } from "../../../lib/data/mod.ts";
import type { Adapted } from "../model/adapted.ts";
import type { LoadedModel } from "../model/load_model.ts";
import type { TuningTask } from "../data/read_task.ts";
import { batchesOf, logitsOf } from "./score.ts";

/** Examples that two models are compared on. */
const ROWS = 32;
/** Tokens of a random example. */
const LENGTH = 32;

/** Two forms of one model. */
export interface Compared {
  readonly loaded: LoadedModel;
  readonly adapted: Adapted;
}

/** How far two forms of a model are apart. */
export interface Difference {
  readonly largest: number;
  /** Largest size of a logit, to compare with. */
  readonly scale: number;
  readonly examples: number;
  /** Where the examples come from. */
  readonly source: "task" | "random tokens";
}

/** Tokens of a vocabulary in a seeded order. */
function randomBatch({ tokenizer, maxLength, model }: LoadedModel): HostBatch {
  const length = Math.min(LENGTH, maxLength);
  const order = seededPermutation(tokenizer.vocabSize, 0);
  const inputIds = Int32Array.from({ length: ROWS * length }, (_, i) => order[i % order.length]);
  return {
    inputIds,
    attentionMask: new Int32Array(inputIds.length).fill(1),
    tokenTypeIds: new Int32Array(inputIds.length),
    labels: model.config.problem === "regression" ? new Float32Array(ROWS) : new Int32Array(ROWS),
    weights: new Float32Array(ROWS).fill(1),
    shape: [ROWS, length],
  };
}

async function answers({ loaded, adapted: { method, state } }: Compared, batches: readonly HostBatch[]) {
  const logits = logitsOf(loaded, method);
  const { base, trainable, aux } = state;
  const rows: Tensor[] = [];
  for (const batch of batches) rows.push(await logits({ base, trainable, aux }, train.toBatch(batch) as Batch));
  const data = await Promise.all(rows.map((row) => row.data()));
  logits.dispose();
  return data.flatMap((part) => [...part]);
}

/** The largest difference of two models' logits on the first examples of a task, or on random tokens. */
export async function largestDifference(
  first: Compared,
  second: Compared,
  task: TuningTask | undefined,
): Promise<Difference> {
  const { loaded } = first;
  const examples = task && Object.values(task.sets)[0].slice(0, ROWS);
  const options = { tokenizer: loaded.tokenizer, batchSize: 16, maxLength: Math.min(128, loaded.maxLength) };
  const batches = examples ? batchesOf(examples, task, options) : [randomBatch(loaded)];
  const [a, b] = [await answers(first, batches), await answers(second, batches)];
  return {
    largest: a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0),
    scale: a.reduce((most, x) => Math.max(most, Math.abs(x)), 0),
    examples: examples?.length ?? ROWS,
    source: examples ? "task" : "random tokens",
  };
}

/** The difference in words. */
export function differenceLine({ largest, scale, examples, source }: Difference): string {
  return `largest difference of logits: ${largest.toExponential(2)}, where the largest logit is ${scale.toFixed(3)} ` +
    `(${examples} examples of ${source === "task" ? "the task" : source})`;
}
