import { type peft, type Tensor, tensor, type train } from "../../../mod.ts";
import { canonicalJson, hashSpec, parseSpec, type RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { leavesOf } from "../../../lib/experiment/specs/leaves.ts";
import { isFile } from "../../../lib/io/is_file.ts";
import { sha256 } from "../../../lib/io/sha256.ts";
import { writeAtomically } from "../../../lib/io/mod.ts";
import type { Sources } from "../data/inputs.ts";
import { loadChecked, saveChecked } from "./checked_tensors.ts";
import { stateFrom, stateTensors } from "./state_tensors.ts";

/** A state's description, beside its tensors. */
export interface StateInfo {
  readonly spec: RunSpec;
  /** Where the run's inputs lay. */
  readonly sources: Sources;
}

/** The best state of a run so far. */
export interface Scored {
  /** Steps that it had. */
  readonly step: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** What it leaves to runs that start from it, where that is kept. */
  readonly outcome?: Readonly<Record<string, Tensor>>;
}

/** Where a run is: its state, and what it told on its way there. */
export interface RunProgress {
  readonly state: train.TrainState;
  readonly curve: readonly train.StepLog[];
  readonly best?: Scored;
}

const paths = (folder: string) => ({ tensors: `${folder}/state.safetensors`, info: `${folder}/state.json` });

/** What a log says of each step, all f32; how long steps took stands apart, as it is another each time. */
const LOGGED = ["loss", "gradNorm", "learningRate"] as const;
const CURVE = "curve/";
const BEST = "best/";

/** Tensors beside the state's own, by names that no part of a state has. */
function besideOf({ curve, best }: RunProgress): Record<string, Tensor> {
  const logged = LOGGED.map((name) => [`${CURVE}${name}`, tensor(Float32Array.from(curve, (log) => log[name]))]);
  const outcome = Object.entries(best?.outcome ?? {}).map(([name, one]) => [`${BEST}${name}`, one]);
  return Object.fromEntries([...logged, ...outcome]);
}

/** Numbers by name as a list that JSON keeps: it has no NaN. */
const asText = (numbers: Readonly<Record<string, number>>) =>
  JSON.stringify(Object.entries(numbers).map(([name, value]) => [name, String(value)]));
const asNumbers = (text: string): Record<string, number> =>
  Object.fromEntries(JSON.parse(text).map(([name, value]: [string, string]) => [name, Number(value)]));

/** Writes all that a run needs to go on: `state.safetensors`, and `state.json` with its spec. */
export async function saveState(
  folder: string,
  progress: RunProgress,
  { method, info }: { readonly method: peft.Method; readonly info: StateInfo },
): Promise<void> {
  const { tensors, info: description } = paths(folder);
  const { state, curve, best } = progress;
  await Deno.mkdir(folder, { recursive: true });
  await saveChecked(
    tensors,
    { ...stateTensors(state, method), ...besideOf(progress) },
    { run: await hashSpec(info.spec), ...best && { bestStep: String(best.step), bestMetrics: asText(best.metrics) } },
  );
  const seconds = curve.map(({ elapsedSeconds }) => Number(elapsedSeconds.toFixed(4)));
  const told = { step: await state.step.item(), ...info, seconds };
  const checksum = await sha256(canonicalJson(told));
  await writeAtomically(description, `${JSON.stringify({ ...told, checksum }, null, 2)}\n`);
}

/** Whether a folder holds the state of a run. */
export async function hasState(folder: string): Promise<boolean> {
  return await isFile(paths(folder).info);
}

/** What `state.json` says. Throws an Error where there is none, or a damaged one. */
export async function loadStateInfo(folder: string): Promise<StateInfo & { readonly seconds: readonly number[] }> {
  const { info } = paths(folder);
  try {
    const { checksum, ...told } = JSON.parse(await Deno.readTextFile(info));
    const { spec, sources, seconds } = told;
    if (typeof spec !== "object" || !spec || !Array.isArray(seconds)) {
      throw new SyntaxError("it describes no state of a run, or one of an older version");
    }
    if (checksum !== await sha256(canonicalJson(told))) {
      throw new Error("it is not what was written: its checksum is another");
    }
    return { spec: parseSpec(spec), sources, seconds };
  } catch (error) {
    throw new Error(`cannot resume from ${info}: ${(error as Error).message}`, { cause: error });
  }
}

/** What decides nothing: the version of this package, and what steps were counted from. */
const MAY_DIFFER = new Set(["packageVersion", "epochs"]);

/** Places that decide others. */
const CHOSEN = ["task", "model.name", "data.columns.text", "method.name", "steps", "seed"];

/** A difference between two runs in words. */
function differenceAt(path: string, [before, now]: readonly unknown[], typed: ReadonlySet<string>): string {
  if (path.endsWith(".hash")) return `the ${path.replace(/\.hash$/, "")} changed since`;
  if (path === "steps" && !typed.has(path)) {
    return `it had ${before} steps there, not ${now}${typed.has("epochs") ? " as by `epochs`" : ""}`;
  }
  return `\`${path}\` was ${before ?? "not given"} there, not ${now ?? "left out"}`;
}

/**
 * Throws a RangeError that names the place in which two runs differ: one that was chosen for this run, if there is one,
 * before those whose values follow from others.
 */
export function requireSameRun(
  folder: string,
  { there, here, typed = new Set() }: {
    readonly there: RunSpec;
    readonly here: RunSpec;
    /** Paths of what was chosen for this run. */
    readonly typed?: ReadonlySet<string>;
  },
): void {
  const [before, now] = [new Map(leavesOf(there)), new Map(leavesOf(here))];
  const differing = [...new Set([...before.keys(), ...now.keys()])]
    .filter((path) => before.get(path) !== now.get(path) && !MAY_DIFFER.has(path));
  const path = differing.find((path) => typed.has(path)) ?? CHOSEN.find((path) => differing.includes(path)) ??
    differing.find((path) => path.endsWith(".hash")) ?? differing[0];
  if (path === undefined) return;
  const difference = differenceAt(path, [before.get(path), now.get(path)], typed);
  throw new RangeError(`cannot resume from ${folder} as ${difference}`);
}

/**
 * Where a run was when its state was saved, in the form of a fresh one.
 *
 * Throws an Error where the file is damaged, or a tensor is missing, left over, or of another shape or type.
 */
export async function loadState(
  folder: string,
  fresh: train.TrainState,
  { method, spec }: { readonly method: peft.Method; readonly spec: RunSpec },
): Promise<RunProgress> {
  const { tensors: path } = paths(folder);
  const fail = (reason: string): never => {
    throw new Error(`cannot resume from ${path}: ${reason}`);
  };
  const info = await loadStateInfo(folder);
  requireSameRun(folder, { there: info.spec, here: spec });
  const { tensors, metadata } = await loadChecked(path).catch((error) => fail(error.message));
  if (metadata.run !== await hashSpec(info.spec)) fail("it belongs to another run than the state.json beside it");
  const state = stateFrom(tensors, fresh, { method, fail });
  const names = new Set(Object.keys(stateTensors(fresh, method)));
  const beside = Object.keys(tensors).filter((name) => !names.has(name));
  const left = beside.find((name) => !name.startsWith(CURVE) && !name.startsWith(BEST));
  if (left !== undefined) fail(`nothing of this run is called ${left}`);

  const logged = await Promise.all(
    LOGGED.map((name) => (tensors[`${CURVE}${name}`] ?? fail("it has no curve")).data()),
  );
  const curve = Array.from(logged[0], (_, step): train.StepLog => {
    const [loss, gradNorm, learningRate] = logged.map((values) => values[step]);
    // A kill between the two files leaves the times of the state before.
    return { step, loss, gradNorm, learningRate, elapsedSeconds: info.seconds[step] ?? info.seconds.at(-1) ?? 0 };
  });
  const outcome = beside.filter((name) => name.startsWith(BEST)).map((
    name,
  ) => [name.slice(BEST.length), tensors[name]]);
  const best = metadata.bestStep === undefined ? undefined : {
    step: Number(metadata.bestStep),
    metrics: asNumbers(metadata.bestMetrics),
    ...outcome.length > 0 && { outcome: Object.fromEntries(outcome) },
  };
  return { state, curve, ...best && { best } };
}
