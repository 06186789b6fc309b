import { jit, models, nn, optim, type Params, peft, random, type Tensor, train } from "../../../mod.ts";
import { canonicalJson, sha256 } from "../../../lib/experiment/specs/mod.ts";
import { Choices } from "../../suite/random.ts";
import { suiteProse } from "../../suite/texts/prose.ts";
import { TEXT_MODEL_CONFIGS, type TextModelKind } from "../../suite/texts/text_models.ts";
import { textTokenizer, tokenizerFiles } from "../../suite/texts/tokenizer.ts";
import { continuationBatch, denoisingBatch } from "./prose_batches.ts";
import { type ResumeOptions, trainResumably } from "./train_resumably.ts";

const LEARNING_RATE = 3e-3;

/** Texts that tell one grammar from another. */
const SAMPLE = 256;

/** What of a pre-training on texts is chosen. */
export interface TextPretrainingSettings {
  readonly model: TextModelKind;
  /** Optimizer steps. */
  readonly steps: number;
  /** Of texts, weights and masks. */
  readonly seed: number;
}

/** What came of a pre-training on texts. */
export interface PretrainedTexts {
  /** Tensors under Hugging Face's names, as its files have them. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** Mean loss of the last steps. */
  readonly finalLoss: number;
}

/** What decides every bit of the weights, by name. */
async function decisive({ model, steps, seed }: TextPretrainingSettings): Promise<Record<string, string>> {
  const prose = suiteProse(new Choices(seed).fork("sample"));
  const sample = Array.from({ length: SAMPLE }, () => prose.next().value);
  const files = await tokenizerFiles(model);
  return {
    model,
    steps: String(steps),
    seed: String(seed),
    config: canonicalJson(TEXT_MODEL_CONFIGS[model]),
    language: await sha256(JSON.stringify([await sha256(files["tokenizer.json"]), sample])),
  };
}

/** What a model learns by. */
interface Objective<Batch> {
  readonly model: Pick<models.PretrainedModel, "init" | "transposed">;
  readonly loss: (params: Params, batch: Batch) => nn.LossTerm;
  readonly batchAt: (index: number) => Batch;
}

/** Takes all steps by one objective. */
async function learn<Batch>(
  { model, loss, batchAt }: Objective<Batch>,
  settings: TextPretrainingSettings,
  options: ResumeOptions,
): Promise<PretrainedTexts> {
  const { steps, seed } = settings;
  const method = peft.full();
  const optimizer = optim.adamw({
    learningRate: optim.linearSchedule({ peak: LEARNING_RATE, warmup: Math.min(100, steps - 1), total: steps }),
    weightDecay: 0.01,
  });
  const step = jit(train.makeStep({ loss, method, optimizer, clip: 1 }), { donate: [0], names: ["state", "batch"] });
  const initial = train.init(random.key(seed), model.init(random.key(seed)), { method, optimizer });
  const pretraining = { initial, step, method, batchAt, steps, decisive: await decisive(settings) };
  const { state, finalLoss } = await trainResumably(pretraining, options);
  return { tensors: models.checkpointOf({ ...state.base, ...state.trainable }, model), finalLoss };
}

/**
 * Trains a text model of the suite on its prose: a decoder to go on with texts, an encoder-decoder to write them again of
 * what is left when spans are hidden. Killed at any time, it goes on from the last state that was saved, to the same bits.
 *
 * Throws as {@linkcode trainResumably}.
 */
export async function pretrainTexts(
  settings: TextPretrainingSettings,
  options: ResumeOptions,
): Promise<PretrainedTexts> {
  const prose = { seed: settings.seed, tokenizer: await textTokenizer(settings.model) };
  if (settings.model === "decoder") {
    const model = models.fromConfig(TEXT_MODEL_CONFIGS.decoder, { head: "causal-lm" });
    const loss = (params: Params, batch: train.TextBatch) => nn.crossEntropy(model.apply(params, batch), batch.labels);
    return await learn({ model, loss, batchAt: (index) => continuationBatch(index, prose) }, settings, options);
  }
  const model = models.fromConfig(TEXT_MODEL_CONFIGS["encoder-decoder"], { head: "seq2seq-lm" });
  const loss = (params: Params, batch: train.PairBatch) => nn.crossEntropy(model.apply(params, batch), batch.labels);
  return await learn({ model, loss, batchAt: (index) => denoisingBatch(index, prose) }, settings, options);
}
