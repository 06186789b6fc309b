import { type Batch, jit, nn, type Params, type peft, random, train } from "../../../mod.ts";
import { encodeTask, evalBatches, type HostBatch, trainBatches } from "../../../lib/data/mod.ts";
import { type Beginning, copyTree } from "../model/adapted.ts";
import type { LoadedModel } from "../model/load_model.ts";
import { makeOptimizer } from "./optimizer.ts";
import type { TuningTask } from "../data/read_task.ts";
import { loadState, saveState, type StateInfo } from "./state_file.ts";
import type { StepLine } from "./step_log.ts";
import type { TrainSettings } from "./train_settings.ts";

/** Steps between looks at the clock of others: Ctrl-C, and the log. */
const CHUNK = 8;

/** What a run is made of. */
export interface TrainingParts {
  readonly loaded: LoadedModel;
  readonly task: TuningTask;
  readonly settings: TrainSettings;
  readonly method: peft.Method;
  readonly beginning?: Beginning;
  readonly info: StateInfo;
}

/** What a run does on its way. */
export interface TrainingHooks {
  /** Where states go. */
  readonly out: string;
  /** Steps between states; one is written in the end, too. */
  readonly saveEvery: number;
  readonly onStep: (line: StepLine) => void;
  readonly signal: AbortSignal;
}

/** Batches by number: shuffled, or in the order of the file, where each pass ends with a batch that may be short. */
function batchSource({ train: examples, kind }: TuningTask, { tokenizer }: LoadedModel, settings: TrainSettings) {
  const { batch: batchSize, accumulate, "max-length": maxLength, shuffle, seed } = settings;
  // Parts of a step have one shape: else each mixture of lengths would have a plan of its own.
  const [padding, isLazy] = accumulate === 1 ? ["bucket" as const, true] : ["task" as const, false];
  const encoded = encodeTask({ task: { kind }, train: examples, dev: [] }, tokenizer, { maxLength, isLazy });
  if (shuffle) {
    const batches = trainBatches(encoded, { batchSize, seed, padding });
    return (index: number): HostBatch => batches.at(index);
  }
  const count = Math.ceil(examples.length / batchSize);
  return (index: number): HostBatch => {
    const first = (index % count) * batchSize;
    const part = { ...encoded, train: encoded.train.slice(first, first + batchSize) };
    return evalBatches(part, { batchSize, split: "train", padding })[0];
  };
}

function tokensOf({ attentionMask, weights, shape: [, length] }: HostBatch): number {
  return attentionMask.reduce((sum, token, i) => sum + token * weights[Math.floor(i / length)], 0);
}

/** Trains a model for a task, state by state. */
export class Training {
  #state: train.TrainState;
  #done = 0;

  private constructor(readonly parts: TrainingParts) {
    const { loaded: { base }, settings, method, beginning } = parts;
    const optimizer = makeOptimizer(settings);
    const fresh = train.init(random.key(settings.seed), base, { method, optimizer });
    this.#state = beginning ? train.beginFrom(fresh, copyTree(beginning.trainable), { method, optimizer }) : fresh;
  }

  /** A run before its first step. */
  static begin(parts: TrainingParts): Training {
    return new Training(parts);
  }

  /** A run where it was when its state was saved. */
  static async resume(folder: string, parts: TrainingParts): Promise<Training> {
    const training = new Training(parts);
    training.#state = await loadState(folder, training.#state, parts);
    training.#done = await training.#state.step.item();
    return training;
  }

  /** Steps done. */
  get done(): number {
    return this.#done;
  }

  /** What was trained so far; the next step takes it over. */
  get state(): train.TrainState {
    return this.#state;
  }

  /** Trains to the end of the run. Rejects with the signal's reason once the state is saved. */
  async run({ out, saveEvery, onStep, signal }: TrainingHooks): Promise<void> {
    const { loaded: { model }, task, settings, method } = this.parts;
    const { steps, accumulate, clip } = settings;
    const loss = (params: Params, batch: Batch, key: random.Key): nn.LossTerm => {
      const logits = model.apply(params, batch, key);
      const { labels, weights } = batch;
      return task.kind === "regression"
        ? nn.meanSquaredError(logits, labels, { weights })
        : nn.crossEntropy(logits, labels, { weights });
    };
    const optimizer = makeOptimizer(settings);
    const step = jit(train.makeAccumulatedStep({ loss, method, optimizer, clip: clip > 0 ? clip : undefined }), {
      donate: [0],
    });
    const batchAt = batchSource(task, this.parts.loaded, settings);
    const tokens = new Map<number, number>();
    const partsAt = (index: number): Batch[] => {
      const parts = Array.from({ length: accumulate }, (_, i) => batchAt(index * accumulate + i));
      tokens.set(index, parts.reduce((sum, part) => sum + tokensOf(part), 0));
      return parts.map(train.toBatch);
    };
    try {
      for (let saved = this.#done; this.#done < steps || saved < steps;) {
        const end = Math.min(this.#done + CHUNK, saved + saveEvery, steps);
        await train.runSteps(step, this.#state, partsAt, {
          steps: end,
          start: this.#done,
          onState: (_, next) => {
            this.#state = next;
          },
          onStep: ({ step, loss, learningRate, gradNorm }) =>
            onStep({ step, loss, learningRate, gradNorm, tokens: tokens.get(step)! }),
        });
        this.#done = end;
        if (signal.aborted || end === steps || end === saved + saveEvery) {
          await saveState(out, this.#state, this.parts);
          saved = end;
        }
        if (end < steps) signal.throwIfAborted();
      }
    } finally {
      step.dispose();
    }
  }
}
