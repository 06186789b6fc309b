import type { peft, train, Tree } from "../../../mod.ts";
import { canonicalJson, sha256 } from "../../../lib/experiment/specs/mod.ts";
import { type EncoderSize, SUITE_ENCODERS } from "../../suite/encoders.ts";
import { suiteLanguage, suiteVocabulary } from "../../suite/mod.ts";
import { loadState, type PretrainingProgress, saveState } from "./saved_progress.ts";

/** What of a pre-training is chosen. */
export interface PretrainingSettings {
  readonly size: EncoderSize;
  /** Optimizer steps. */
  readonly steps: number;
  /** Of language, weights and masks. */
  readonly seed: number;
}

/** Passages that tell one language from another. */
const SAMPLE = 1024;

/** What decides every bit of the weights, by name. */
async function decisive(settings: PretrainingSettings): Promise<Record<string, string>> {
  const language = suiteLanguage(settings.seed);
  const sample = Array.from({ length: SAMPLE }, () => language.next().value);
  const { size, ...numbers } = settings;
  return {
    size,
    ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)])),
    encoder: canonicalJson(SUITE_ENCODERS[size].sizes),
    language: await sha256(JSON.stringify([suiteVocabulary(), sample])),
  };
}

/** Writes all that a pre-training of an encoder needs to go on. */
export async function saveProgress(
  path: string,
  progress: PretrainingProgress<train.TrainState>,
  { settings, method }: { readonly settings: PretrainingSettings; readonly method: peft.Method },
): Promise<void> {
  await saveState(path, progress, { decisive: await decisive(settings), method });
}

/**
 * Where a pre-training of an encoder was when its state was saved, in the form of a fresh one; `undefined` where there is
 * no file.
 *
 * Throws an Error where the file is damaged, or of another pre-training, and says in what it is another.
 */
export async function loadProgress<Trainable extends Tree, Aux extends Tree, OptimizerState extends Tree>(
  path: string,
  fresh: train.TrainState<Trainable, Aux, OptimizerState>,
  { settings, method }: {
    readonly settings: PretrainingSettings;
    readonly method: Pick<peft.Method, "writes">;
  },
): Promise<PretrainingProgress<train.TrainState<Trainable, Aux, OptimizerState>> | undefined> {
  return await loadState(path, fresh, { decisive: await decisive(settings), method });
}
