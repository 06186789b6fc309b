import { requireName } from "../../lib/text/nearest.ts";
import type { RunDraft } from "../runner/complete_spec.ts";
import type { MethodDraft } from "../runner/train/complete_method.ts";
import type { Sources } from "../runner/data/inputs.ts";
import { peft } from "../../mod.ts";
import { DEFAULT_METHOD } from "../recipes/methods.ts";
import { MethodFlags } from "../terminal/method_flags.ts";
import { OPTIMIZERS, SCHEDULES } from "../runner/train/optimizer.ts";
import { nonNegative, positive, rate, wholeNumber } from "../terminal/flags.ts";
import { type ModelFlags, type TaskFlags, taskOf, weightsOf } from "./task_flags.ts";

/** Flags of `train` that options of methods cannot have. */
const OWN_FLAGS = ["dropout", "warmup", "heads", "steps", "seed", "schedule", "momentum", "clip", "batch"];

/** Flags of the options of all methods. */
export const METHOD_FLAGS: MethodFlags = new MethodFlags(peft.METHODS, OWN_FLAGS);

/** Flags of `deno task train` that decide what comes out; their values as they were typed. */
export interface TrainFlags extends TaskFlags, ModelFlags {
  readonly method?: string;
  readonly "adapter-init"?: string;
  readonly "fresh-head"?: boolean;
  readonly optimizer?: string;
  readonly momentum?: string;
  readonly "learning-rate"?: string;
  readonly schedule?: string;
  readonly warmup?: string;
  readonly "weight-decay"?: string;
  readonly "no-decay-bias"?: boolean;
  readonly clip?: string;
  readonly batch?: string;
  readonly accumulate?: string;
  readonly epochs?: string;
  readonly steps?: string;
  readonly "max-length"?: string;
  readonly dropout?: string;
  readonly shuffle?: string;
  readonly seed?: string;
  /** Options of methods by their flags. */
  readonly [flag: string]: unknown;
}

/** What was given, without what was not. */
function given<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

/** The method and those of its options that were chosen. An adapter's own method has none: they are the adapter's. */
function methodDraft(flags: TrainFlags): MethodDraft {
  const { method: name, "adapter-init": adapter } = flags;
  if (name === undefined && adapter !== undefined) {
    const asked = [...METHOD_FLAGS.boolean, ...METHOD_FLAGS.string].find((flag) => (flags[flag] ?? false) !== false);
    if (asked === undefined) return {};
    throw new RangeError(`--${asked} is the adapter's: leave it out with --adapter-init`);
  }
  const options = METHOD_FLAGS.read(peft.methodNamed(name ?? DEFAULT_METHOD), flags);
  return { ...options, ...name !== undefined && { name } };
}

/** Warm-up in steps, or below 1 a share of the run. */
function warmupOf(text: string): number {
  const value = nonNegative("warmup", text);
  return value < 1 ? value : wholeNumber("warmup", text);
}

/**
 * What the flags of `train` choose of a run, in a spec's terms, and where its inputs lie.
 *
 * Throws a RangeError that names the flag that is wrong.
 */
export function trainDraft(flags: TrainFlags): { readonly draft: RunDraft; readonly sources: Sources } {
  const one = <T>(flag: string, read: (flag: string, text: string) => T): T | undefined => {
    const text = flags[flag];
    return text === undefined ? undefined : read(flag, String(text));
  };
  const whole = (least = 1) => (flag: string, text: string) => wholeNumber(flag, text, least);
  const name = <Name extends string>(known: readonly Name[]) => (flag: string, text: string) =>
    requireName(`value of --${flag}`, text, known);
  const { task, data, evalData, columns, labels, classes } = taskOf(flags);
  const { model, revision, offline, "adapter-init": adapter } = flags;
  if (model === undefined) {
    throw new RangeError("--model is missing: a folder in Hugging Face's layout, a name of the hub, or suite");
  }
  const shuffle = one("shuffle", name(["true", "false"]));
  const schedule = flags.schedule === undefined ? undefined : requireName("schedule", flags.schedule, SCHEDULES);
  const draft: RunDraft = given({
    experiment: "train",
    task,
    data: given({ columns, labels, classes }),
    model: given({
      length: one("max-length", whole()),
      dropout: one("dropout", rate),
      weights: weightsOf(flags) === "f16" ? "f16" as const : undefined,
      freshHead: flags["fresh-head"] ? true as const : undefined,
    }),
    method: methodDraft(flags),
    optimizer: given({
      name: one("optimizer", name(OPTIMIZERS)),
      momentum: one("momentum", rate),
      learningRate: one("learning-rate", positive),
      schedule,
      warmup: one("warmup", (_, text) => warmupOf(text)),
      weightDecay: one("weight-decay", nonNegative),
      decaysBiases: flags["no-decay-bias"] ? false : undefined,
      clip: one("clip", nonNegative),
    }),
    batchSize: one("batch", whole()),
    accumulate: one("accumulate", whole()),
    order: shuffle === "false" ? "file" as const : undefined,
    epochs: one("epochs", positive),
    steps: one("steps", whole()),
    seed: one("seed", whole(0)),
  });
  return { draft, sources: given({ model, revision, offline: offline || undefined, data, evalData, adapter }) };
}
