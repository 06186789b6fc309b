import { io, type peft, type train } from "../../../mod.ts";
import { canonicalJson } from "../../../lib/experiment/specs/spec.ts";
import { sha256 } from "../../../lib/io/sha256.ts";
import { writeAtomically } from "../../../lib/io/mod.ts";
import { treeFlatten, treeUnflatten } from "../../../lib/tensor/mod.ts";
import { namedLeaves } from "../model/named_leaves.ts";

/** What a run was told: values by the names of flags, with all defaults filled in. */
export type Settings = Readonly<Record<string, string | number | boolean | null>>;

/** A state's description, beside its tensors. */
export interface StateInfo {
  readonly settings: Settings;
  /** Hex sha-256 of the data, of the model's weights, and of the adapter that the run began from. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** The parts of a state that belong to the run: of the base what the method writes alone. */
function ownParts(state: train.TrainState, method: peft.Method) {
  const { base, trainable, aux, optimizer, step, key } = state;
  const written = Object.fromEntries(method.writes(base).map((name) => [name, base[name]]));
  return { base: written, trainable, aux, optimizer, step, key };
}

const paths = (folder: string) => ({ tensors: `${folder}/state.safetensors`, info: `${folder}/state.json` });

/** Writes all that a run needs to go on: `state.safetensors`, and `state.json` with what it was told. */
export async function saveState(
  folder: string,
  state: train.TrainState,
  { method, info }: { readonly method: peft.Method; readonly info: StateInfo },
): Promise<void> {
  const { tensors, info: description } = paths(folder);
  const named = Object.fromEntries(namedLeaves(ownParts(state, method)));
  await io.saveSafetensors(tensors, named, { run: await sha256(canonicalJson(info)) });
  const step = await state.step.item();
  await writeAtomically(description, `${JSON.stringify({ step, ...info }, null, 2)}\n`);
}

/** Reads what a run was told. Throws an Error where there is no state. */
export async function loadStateInfo(folder: string): Promise<StateInfo> {
  const { info } = paths(folder);
  try {
    const { settings, inputs } = JSON.parse(await Deno.readTextFile(info));
    if (typeof settings !== "object" || typeof inputs !== "object" || !settings || !inputs) {
      throw new SyntaxError("it describes no state of a run");
    }
    return { settings, inputs };
  } catch (error) {
    throw new Error(`cannot resume from ${info}: ${(error as Error).message}`, { cause: error });
  }
}

/** Throws a RangeError that names the first flag, or the input, in which two runs differ. */
export function requireSameRun(folder: string, there: StateInfo, here: StateInfo): void {
  for (const name of new Set([...Object.keys(there.settings), ...Object.keys(here.settings)])) {
    const [before, now] = [there.settings[name] ?? null, here.settings[name] ?? null];
    if (before === now) continue;
    throw new RangeError(
      `cannot resume from ${folder} as --${name} was ${before ?? "not given"} there, not ${now ?? "left out"}`,
    );
  }
  for (const name of new Set([...Object.keys(there.inputs), ...Object.keys(here.inputs)])) {
    if (there.inputs[name] === here.inputs[name]) continue;
    throw new RangeError(`cannot resume from ${folder} as the ${name} changed since`);
  }
}

/**
 * A run's state as it was saved, in the form of a fresh one.
 *
 * Throws an Error where a tensor is missing, left over, or of another shape or type.
 */
export async function loadState(
  folder: string,
  fresh: train.TrainState,
  { method, info }: { readonly method: peft.Method; readonly info: StateInfo },
): Promise<train.TrainState> {
  const { tensors: path } = paths(folder);
  const fail = (reason: string): never => {
    throw new Error(`cannot resume from ${path}: ${reason}`);
  };
  const { tensors, metadata } = await io.loadSafetensors(path);
  if (metadata.run !== await sha256(canonicalJson(info))) {
    fail("it belongs to another run than the state.json beside it");
  }
  const wanted = namedLeaves(ownParts(fresh, method));
  const found = wanted.map(([name, like]) => {
    const tensor = tensors[name] ?? fail(`it has no ${name}`);
    const fits = tensor.dtype === like.dtype && tensor.shape.join() === like.shape.join();
    return fits ? tensor : fail(`${name} is ${tensor}, not ${like}`);
  });
  const names = new Set(wanted.map(([name]) => name));
  const left = Object.keys(tensors).find((name) => !names.has(name));
  if (left !== undefined) fail(`nothing of this run is called ${left}`);
  const { base, ...own } = treeUnflatten(treeFlatten(ownParts(fresh, method)).structure, found);
  return { ...own, base: { ...fresh.base, ...base } };
}
