import { type peft, tensor, type train, type Tree } from "../../../mod.ts";
import { isFile } from "../../../lib/io/is_file.ts";
import { loadChecked, saveChecked } from "../train/checked_tensors.ts";
import { stateFrom, stateTensors } from "../train/state_tensors.ts";

/** Where a pre-training is. */
export interface PretrainingProgress<State> {
  readonly state: State;
  /** Loss of each step that is done. */
  readonly losses: readonly number[];
}

/** What tells one pre-training from another. */
export interface PretrainingIdentity {
  /** What decides every bit of the weights, by name: a state is gone on from where all of it is the same. */
  readonly decisive: Readonly<Record<string, string>>;
  readonly method: Pick<peft.Method, "writes">;
}

const LOSSES = "losses";

/** What is called by a word where it differs, as hashes say nothing to people. */
const CHANGED: Readonly<Record<string, string>> = {
  language: "the language",
  batches: "how tokens are hidden, or passages put into batches,",
};

/** Writes all that a pre-training needs to go on. */
export async function saveState(
  path: string,
  { state, losses }: PretrainingProgress<train.TrainState>,
  { decisive, method }: PretrainingIdentity,
): Promise<void> {
  await saveChecked(path, { ...stateTensors(state, method), [LOSSES]: tensor(Float32Array.from(losses)) }, decisive);
}

/**
 * Where a pre-training was when its state was saved, in the form of a fresh one; `undefined` where there is no file.
 *
 * Throws an Error where the file is damaged, or of another pre-training, and says in what it is another.
 */
export async function loadState<Trainable extends Tree, Aux extends Tree, OptimizerState extends Tree>(
  path: string,
  fresh: train.TrainState<Trainable, Aux, OptimizerState>,
  { decisive, method }: PretrainingIdentity,
): Promise<PretrainingProgress<train.TrainState<Trainable, Aux, OptimizerState>> | undefined> {
  if (!await isFile(path)) return undefined;
  const fail = (reason: string): never => {
    throw new Error(`cannot go on from ${path}: ${reason}; without that file it begins anew`);
  };
  const { tensors, metadata } = await loadChecked(path).catch((error) => fail(error.message));
  for (const [name, here] of Object.entries(decisive)) {
    const there = metadata[name];
    if (there === here) continue;
    if (there === undefined) fail(`it says nothing of \`${name}\``);
    const said = CHANGED[name];
    fail(said ? `${said} changed since` : `\`${name}\` was ${there} there, not ${here}`);
  }
  const { [LOSSES]: losses = fail("it has no losses"), ...own } = tensors;
  return { state: stateFrom(own, fresh, { method, fail }), losses: Array.from(await losses.data(), Number) };
}
