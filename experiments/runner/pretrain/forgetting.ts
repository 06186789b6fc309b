import { evaluate, jit, models, nn, optim, type Params, peft, random, type Tensor, train } from "../../../mod.ts";
import { wordPiece } from "../../../lib/data/mod.ts";
import type { Encoder } from "../../suite/encoder.ts";
import { SUITE_SEED, suiteLanguage, suiteVocabulary } from "../../suite/mod.ts";
import { Choices } from "../../suite/random.ts";
import { type HiddenTokens, maskedBatch } from "./masked_batch.ts";

/** Passages in a batch. */
const BATCH = 64;
/** Peak rate of the head's fit. */
const LEARNING_RATE = 1e-2;

/** Options of {@linkcode forgettingProbe}. */
export interface ForgettingOptions {
  /** Passages to score, rounded up to whole batches of 64; 512 by default. */
  readonly passages?: number;
  /** Steps in which the head is fitted to the starting encoder; 150 by default. */
  readonly headSteps?: number;
  /** Of the passages that fit the head and those that score it; other than pre-training's by default. */
  readonly seed?: number;
  /** Hears of each step of the fit, from 0. */
  readonly onStep?: (log: train.StepLog) => void;
}

/** How well weights still know the language of pre-training. */
export interface ForgettingProbe {
  /** Mean cross-entropy of hidden tokens, in nats, with the starting encoder: what forgetting counts from. */
  readonly before: number;
  /**
   * The same with other weights under the same head, on the same passages: those that `method.merge` gives. What they
   * have beside an encoder is left aside.
   *
   * Throws a RangeError where a parameter of the encoder is missing.
   */
  lossOf(params: Readonly<Record<string, Tensor>>): Promise<number>;
  /** Gives compiled functions and tensors back. */
  dispose(): void;
}

function pick(params: Readonly<Record<string, Tensor>>, names: readonly string[]): Record<string, Tensor> {
  return Object.fromEntries(names.map((name) => {
    if (params[name] === undefined) throw new RangeError(`cannot ask what was forgotten: ${name} is missing`);
    return [name, params[name]];
  }));
}

/** Trains some parameters whole and leaves the others as they are. */
function only(names: readonly string[]): peft.Method<peft.FullTrainable, Record<string, never>> {
  const full = peft.full();
  return {
    ...full,
    init: (key, base) => full.init(key, pick(base, names)),
    adapt: (base, trainable) => ({ ...base, ...trainable }),
  };
}

function batches(count: number, seed: number): () => HiddenTokens {
  const tokenizer = wordPiece(suiteVocabulary());
  const language = suiteLanguage(seed);
  const choices = new Choices(seed).fork("masks");
  return () => maskedBatch(Array.from({ length: count }, () => language.next().value), { tokenizer, choices });
}

/**
 * Measures what fine-tuning makes an encoder forget: the masked-token loss on the suite's language, before and after.
 *
 * A head for masked tokens is fitted here to the starting encoder, which stays as it is, on passages of the language;
 * every set of weights is scored under this one head, so that losses differ by the weights alone. The head is not what
 * pre-training ended with, and a change that a new head could make up for counts as forgotten, too.
 */
export async function forgettingProbe(
  { weights, config }: Pick<Encoder, "weights" | "config">,
  { passages = 512, headSteps = 150, seed = SUITE_SEED + 1, onStep }: ForgettingOptions = {},
): Promise<ForgettingProbe> {
  const model = models.bertForMaskedLM({ ...config, dropout: 0 });
  const drawn = model.init(random.key(seed));
  const names = Object.keys(drawn);
  const ofHead = names.filter((name) => name.startsWith("cls."));
  const ofEncoder = names.filter((name) => !name.startsWith("cls."));
  const loss = (params: Params, batch: HiddenTokens) => nn.crossEntropy(model.apply(params, batch), batch.labels);
  const method = only(ofHead);
  const learningRate = optim.linearSchedule({
    peak: LEARNING_RATE,
    warmup: Math.min(10, headSteps - 1),
    total: headSteps,
  });
  const optimizer = optim.adamw({ learningRate, weightDecay: 0.01 });
  const step = jit(train.makeStep({ loss, method, optimizer, clip: 1 }), { donate: [0], names: ["state", "batch"] });
  const base = { ...pick(drawn, ofHead), ...pick(weights, ofEncoder) };
  const initial = train.init(random.key(seed), base, { method, optimizer });
  const { state } = await train.runSteps(step, initial, batches(BATCH, seed), { steps: headSteps, onStep });
  step.dispose();

  const score = jit((params: Params, batch: HiddenTokens) => loss(params, batch));
  const nextScored = batches(BATCH, seed + 1);
  const scored = Array.from({ length: Math.ceil(passages / BATCH) }, nextScored);
  const lossOf = async (params: Readonly<Record<string, Tensor>>): Promise<number> => {
    const all = { ...pick(params, ofEncoder), ...state.trainable };
    await evaluate(all);
    let [sum, count] = [0, 0];
    for (const batch of scored) {
      const term = await score(all, batch);
      sum += await term.sum.item();
      count += await term.count.item();
    }
    return sum / count;
  };
  return { before: await lossOf(weights), lossOf, dispose: () => score.dispose() };
}
