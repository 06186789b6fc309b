import { jit, models, nn, optim, type Params, peft, random, type Tensor, train } from "../../../mod.ts";
import { SUITE_ENCODERS } from "../../suite/encoders.ts";
import { suiteVocabulary } from "../../suite/mod.ts";
import type { HiddenTokens } from "./masked_batch.ts";
import { PassageBatches } from "./passage_batches.ts";
import { loadProgress, type PretrainingSettings, saveProgress } from "./progress_file.ts";

/** Passages of a batch. */
export const BATCH = 64;
const LEARNING_RATE = 1e-3;
/** Steps whose mean loss is told in the end. */
const LAST = 100;

/** The sizes of the model that fills masked tokens, as its file has them. */
export const encoderConfig = (size: PretrainingSettings["size"]) => ({
  vocabSize: suiteVocabulary().length,
  ...SUITE_ENCODERS[size].sizes,
});

/** How a pre-training goes on, and who hears of it. */
export interface PretrainOptions {
  /** The file of its state, from which it goes on where it is there; it stays there in the end. */
  readonly statePath: string;
  /** Steps between states that are saved; when the signal ends the work, one is saved, too. */
  readonly saveEvery: number;
  readonly signal?: AbortSignal;
  /** Hears how many steps are done before the first that is taken. */
  readonly onBegin?: (done: number) => void;
  /** Hears of every step, one step late so that the device never waits. */
  readonly onStep?: (log: train.StepLog) => void;
}

/** What came of a pre-training. */
export interface Pretrained {
  /** The parameters of `BertForMaskedLM` by name. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** Mean loss of the last steps. */
  readonly finalLoss: number;
}

/** The first state, and the step that leads from one to the next. */
function begin({ size, steps, seed }: PretrainingSettings) {
  const model = models.bertForMaskedLM({ ...encoderConfig(size), dropout: 0 });
  const method = peft.full();
  const optimizer = optim.adamw({
    learningRate: optim.linearSchedule({ peak: LEARNING_RATE, warmup: Math.min(100, steps - 1), total: steps }),
    weightDecay: 0.01,
  });
  const loss = (params: Params, batch: HiddenTokens) => nn.crossEntropy(model.apply(params, batch), batch.labels);
  const step = jit(train.makeStep({ loss, method, optimizer, clip: 1 }), { donate: [0], names: ["state", "batch"] });
  const initial = train.init(random.key(seed), model.init(random.key(seed)), { method, optimizer });
  return { method, step, initial };
}

/**
 * Trains an encoder of the suite to fill masked tokens. Killed at any time, it goes on from the last state that was saved,
 * to the same bits.
 *
 * Throws the signal's reason where that ends it, and as {@linkcode loadProgress}.
 */
export async function pretrain(
  settings: PretrainingSettings,
  { statePath, saveEvery, signal, onBegin, onStep }: PretrainOptions,
): Promise<Pretrained> {
  const { steps, seed } = settings;
  const { method, step, initial } = begin(settings);
  const decisive = { ...settings, batch: BATCH, learningRate: LEARNING_RATE };
  const found = await loadProgress(statePath, initial, { settings: decisive, method });
  let state = found?.state ?? initial;
  const losses = [...found?.losses ?? []];
  const batches = new PassageBatches(seed, BATCH);
  const save = () => saveProgress(statePath, { state, losses }, { settings: decisive, method });
  onBegin?.(losses.length);
  while (losses.length < steps) {
    const stop = Math.min(steps, (Math.floor(losses.length / saveEvery) + 1) * saveEvery);
    try {
      await train.runSteps(step, state, (index) => batches.at(index), {
        start: losses.length,
        steps: stop,
        signal,
        onStep(log) {
          losses.push(log.loss);
          onStep?.(log);
        },
        onState: (_, next) => void (state = next),
      });
    } catch (error) {
      if (signal?.aborted && error === signal.reason) await save();
      throw error;
    }
    await save();
  }
  step.dispose();
  const last = losses.slice(-LAST);
  return { tensors: state.trainable, finalLoss: last.reduce((a, b) => a + b, 0) / last.length };
}
