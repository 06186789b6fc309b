import type { RunDraft } from "../runner/complete_spec.ts";
import { isModulePath } from "../runner/own_module.ts";
import type { MethodDraft } from "../runner/train/complete_method.ts";
import { loadMethod } from "../runner/train/load_method.ts";
import type { Sources } from "../runner/data/inputs.ts";
import type { peft } from "../../mod.ts";
import { METHODS } from "../../lib/peft/registry.ts";
import { DEFAULT_METHOD, methodNamed } from "../recipes/methods.ts";
import { MethodFlags } from "../terminal/method_flags.ts";
import { wholeNumber } from "../terminal/flags.ts";
import type { COMMON, FlagTable } from "../terminal/flag_table.ts";
import { TRAIN, type TRAIN_OUT } from "./train_flags.ts";
import type { FlagPaths } from "../terminal/in_flags.ts";
import { flagPaths, type FlagValues } from "../terminal/read_flags.ts";
import { taskOf } from "./task_flags.ts";

/** Flags of the options of methods, ours and perhaps one's own. */
export function methodFlags(own: readonly peft.MethodDescription[] = []): MethodFlags {
  return new MethodFlags([...METHODS, ...own], Object.keys(TRAIN));
}

/** Flags of the options of all methods of ours. */
export const METHOD_FLAGS: MethodFlags = methodFlags();

/** The method of one's own that `--method` names by the path of its module, which is loaded. */
export async function ownMethodOf(args: readonly string[]): Promise<peft.MethodDescription | undefined> {
  const at = args.findLastIndex((word) => /^--method(=|$)/.test(word));
  const named = args[at]?.includes("=") ? args[at].slice("--method=".length) : args[at + 1];
  if (at < 0 || named === undefined || !isModulePath(named)) return undefined;
  return (await loadMethod(named)).description;
}

/** The flags of `train`, or of a command that trains as it does, and of methods' options, by what they decide. */
export function trainPaths(options: MethodFlags, table: FlagTable = TRAIN): FlagPaths {
  return {
    ...flagPaths(table),
    ...Object.fromEntries(
      options.methods.flatMap((method) =>
        [...options.optionsOf(method)].map(([flag, option]) => [`method.${option}`, flag])
      ),
    ),
  };
}

/** Flags of `deno task train` that decide what comes out. */
export type TrainFlags =
  & Partial<Omit<FlagValues<typeof TRAIN>, keyof typeof TRAIN_OUT | keyof typeof COMMON>>
  & Readonly<Record<string, unknown>>;

/** What was given, without what was not. */
function given<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

/** The method and those of its options that were chosen. An adapter's own method has none: they are the adapter's. */
function methodDraft(flags: TrainFlags, options: MethodFlags): MethodDraft {
  const { method: name, "adapter-init": adapter } = flags;
  if (name === undefined && adapter !== undefined) {
    const asked = [...options.boolean, ...options.string].find((flag) => (flags[flag] ?? false) !== false);
    if (asked === undefined) return {};
    throw new RangeError(`--${asked} is the adapter's: leave it out with --adapter-init`);
  }
  const given = options.read(methodNamed(name ?? DEFAULT_METHOD), flags);
  return { ...given, ...name !== undefined && { name } };
}

/** How texts are written, as far as flags say it. */
function decodingDraft(flags: TrainFlags): RunDraft["decoding"] {
  const { beams, "length-penalty": lengthPenalty, "max-new-tokens": maxNewTokens, sources } = flags;
  const said = given({ beams, lengthPenalty, maxNewTokens, sources });
  if (!flags["no-texts"]) return Object.keys(said).length > 0 ? said : undefined;
  if (Object.keys(said).length === 0) return "none";
  throw new RangeError("--no-texts writes no text, and other flags say how: leave it or them out");
}

/**
 * What the flags of `train` choose of a run, in a spec's terms, and where its inputs lie; `options` are flags of methods.
 *
 * Throws a RangeError that names the flag that is wrong.
 */
export function trainDraft(
  flags: TrainFlags,
  options: MethodFlags = METHOD_FLAGS,
): { readonly draft: RunDraft; readonly sources: Sources } {
  const { model, revision, offline, weights, dropout, warmup, "adapter-init": adapter } = flags;
  if (model === undefined) {
    throw new RangeError("--model is missing: a folder in Hugging Face's layout, a name of the hub, or suite");
  }
  const { task, data, evalData, columns, labels, classes } = taskOf(flags);
  if (warmup !== undefined && warmup >= 1) wholeNumber("warmup", String(warmup));
  const draft: RunDraft = given({
    experiment: "train",
    task,
    data: given({ columns, labels, classes }),
    model: given({
      length: flags["max-length"],
      dropout,
      weights: weights === "f16" ? weights : undefined,
      freshHead: flags["fresh-head"] || undefined,
      targetLength: flags["target-length"],
    }),
    method: methodDraft(flags, options),
    optimizer: given({
      name: flags.optimizer,
      momentum: flags.momentum,
      learningRate: flags["learning-rate"],
      schedule: flags.schedule,
      warmup,
      weightDecay: flags["weight-decay"],
      decaysBiases: flags["no-decay-bias"] ? false : undefined,
      clip: flags.clip,
      epsilon: flags.epsilon,
    }),
    batchSize: flags.batch,
    accumulate: flags.accumulate,
    order: flags.shuffle === "false" ? "file" as const : undefined,
    epochs: flags.epochs,
    steps: flags.steps,
    seed: flags.seed,
    labelSmoothing: flags["label-smoothing"],
    decoding: decodingDraft(flags),
  });
  return { draft, sources: given({ model, revision, offline: offline || undefined, data, evalData, adapter }) };
}
