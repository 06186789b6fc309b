import type { peft, train } from "../../../mod.ts";
import { canonicalJson } from "../../../lib/experiment/specs/spec.ts";
import { isFile } from "../../../lib/io/is_file.ts";
import { sha256 } from "../../../lib/io/sha256.ts";
import { writeAtomically } from "../../../lib/io/mod.ts";
import { treeFlatten, treeUnflatten } from "../../../lib/tensor/mod.ts";
import { namedLeaves } from "../model/named_leaves.ts";
import { loadChecked, saveChecked } from "./checked_tensors.ts";

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
  await saveChecked(tensors, named, { run: await sha256(canonicalJson(info)) });
  const told = { step: await state.step.item(), ...info };
  const checksum = await sha256(canonicalJson(told));
  await writeAtomically(description, `${JSON.stringify({ ...told, checksum }, null, 2)}\n`);
}

/** Whether a folder holds the state of a run. */
export async function hasState(folder: string): Promise<boolean> {
  return await isFile(paths(folder).info);
}

/** Reads what a run was told. Throws an Error where there is no state, or a damaged one. */
export async function loadStateInfo(folder: string): Promise<StateInfo> {
  const { info } = paths(folder);
  try {
    const { checksum, ...told } = JSON.parse(await Deno.readTextFile(info));
    const { settings, inputs } = told;
    if (typeof settings !== "object" || typeof inputs !== "object" || !settings || !inputs) {
      throw new SyntaxError("it describes no state of a run");
    }
    // Those of older versions have none.
    if (checksum !== undefined && checksum !== await sha256(canonicalJson(told))) {
      throw new Error("it is not what was written: its checksum is another");
    }
    return { settings, inputs };
  } catch (error) {
    throw new Error(`cannot resume from ${info}: ${(error as Error).message}`, { cause: error });
  }
}

/** Settings whose defaults follow from others: where such a one differs, so does what it follows from. */
const DERIVED: readonly string[] = [
  ...["steps", "start-step", "warmup", "initial-rank", "interval", "learning-rate", "targets", "heads", "outputs"],
  "max-length",
];

/** A difference between two runs in words: by a flag, or by what no flag says alone. */
function differenceIn(name: string, before: unknown, now: unknown, typed: ReadonlySet<string>): string {
  if (name === "outputs") return `its head had ${before} outputs there, not ${now}`;
  if (name === "steps" && !typed.has(name)) {
    return `it had ${before} steps there, not ${now}${typed.has("epochs") ? " as by --epochs" : ""}`;
  }
  return `--${name} was ${before ?? "not given"} there, not ${now ?? "left out"}`;
}

/**
 * Throws a RangeError that names the flag, or the input, in which two runs differ: one that was typed for this run, if
 * there is one, before those whose values follow from others.
 */
export function requireSameRun(
  folder: string,
  { there, here, typed }: {
    readonly there: StateInfo;
    readonly here: StateInfo;
    /** Names of the flags that this run was given. */
    readonly typed: ReadonlySet<string>;
  },
): void {
  const valueOf = ({ settings }: StateInfo, name: string) => settings[name] ?? null;
  const names = [...new Set([...Object.keys(there.settings), ...Object.keys(here.settings)])]
    .filter((name) => valueOf(there, name) !== valueOf(here, name));
  const name = names.find((one) => typed.has(one)) ?? names.find((one) => !DERIVED.includes(one)) ??
    DERIVED.find((one) => names.includes(one));
  if (name !== undefined) {
    const difference = differenceIn(name, valueOf(there, name), valueOf(here, name), typed);
    throw new RangeError(`cannot resume from ${folder} as ${difference}`);
  }
  for (const name of new Set([...Object.keys(there.inputs), ...Object.keys(here.inputs)])) {
    if (there.inputs[name] === here.inputs[name]) continue;
    throw new RangeError(`cannot resume from ${folder} as the ${name} changed since`);
  }
}

/**
 * A run's state as it was saved, in the form of a fresh one.
 *
 * Throws an Error where the file is damaged, or a tensor is missing, left over, or of another shape or type.
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
  const { tensors, metadata } = await loadChecked(path).catch((error) => fail(error.message));
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
