import { type peft, tensor, type train, type Tree } from "../../../mod.ts";
import { canonicalJson, sha256 } from "../../../lib/experiment/specs/mod.ts";
import { isFile } from "../../../lib/io/is_file.ts";
import { type EncoderSize, SUITE_ENCODERS } from "../../suite/encoders.ts";
import { suiteLanguage, suiteVocabulary } from "../../suite/mod.ts";
import { loadChecked, saveChecked } from "../train/checked_tensors.ts";
import { stateFrom, stateTensors } from "../train/state_tensors.ts";

/** What of a pre-training is chosen. */
export interface PretrainingSettings {
  readonly size: EncoderSize;
  /** Optimizer steps. */
  readonly steps: number;
  /** Of language, weights and masks. */
  readonly seed: number;
}

/** Where a pre-training is. */
export interface PretrainingProgress<State> {
  readonly state: State;
  /** Loss of each step that is done. */
  readonly losses: readonly number[];
}

const LOSSES = "losses";

/** Passages that tell one language from another. */
const SAMPLE = 1024;

/** What decides every bit of the weights, by name: a state is gone on from where all of it is the same. */
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

/** Writes all that a pre-training needs to go on. */
export async function saveProgress(
  path: string,
  { state, losses }: PretrainingProgress<train.TrainState>,
  { settings, method }: { readonly settings: PretrainingSettings; readonly method: peft.Method },
): Promise<void> {
  const tensors = { ...stateTensors(state, method), [LOSSES]: tensor(Float32Array.from(losses)) };
  await saveChecked(path, tensors, await decisive(settings));
}

/**
 * Where a pre-training was when its state was saved, in the form of a fresh one; `undefined` where there is no file.
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
  if (!await isFile(path)) return undefined;
  const fail = (reason: string): never => {
    throw new Error(`cannot go on from ${path}: ${reason}; without that file it begins anew`);
  };
  const { tensors, metadata } = await loadChecked(path).catch((error) => fail(error.message));
  for (const [name, here] of Object.entries(await decisive(settings))) {
    const there = metadata[name];
    if (there === here) continue;
    fail(name === "language" ? "the language changed since" : `\`${name}\` was ${there} there, not ${here}`);
  }
  const { [LOSSES]: losses = fail("it has no losses"), ...own } = tensors;
  return { state: stateFrom(own, fresh, { method, fail }), losses: Array.from(await losses.data(), Number) };
}
