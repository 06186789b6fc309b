import { jit, models, nn, optim, type Params, peft, random, type Tensor, train } from "../../../mod.ts";
import { SUITE_ENCODERS } from "../../suite/encoders.ts";
import { suiteVocabulary } from "../../suite/mod.ts";
import { decisiveOf, type PretrainingSettings } from "./decisive.ts";
import type { HiddenTokens } from "./masked_batch.ts";
import { PassageBatches } from "./passage_batches.ts";
import { type ResumeOptions, trainResumably } from "./train_resumably.ts";

/** Passages of a batch. */
export const BATCH = 64;
const LEARNING_RATE = 1e-3;

/** The sizes of the model that fills masked tokens, as its file has them. */
export const encoderConfig = (size: PretrainingSettings["size"]) => ({
  vocabSize: suiteVocabulary().length,
  ...SUITE_ENCODERS[size].sizes,
});

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
 * Throws as {@linkcode trainResumably}.
 */
export async function pretrain(settings: PretrainingSettings, options: ResumeOptions): Promise<Pretrained> {
  const batches = new PassageBatches(settings.seed, BATCH);
  const { state, finalLoss } = await trainResumably({
    ...begin(settings),
    batchAt: (index) => batches.at(index),
    steps: settings.steps,
    decisive: await decisiveOf({ ...settings, batch: BATCH, learningRate: LEARNING_RATE }),
  }, options);
  return { tensors: state.trainable, finalLoss };
}
