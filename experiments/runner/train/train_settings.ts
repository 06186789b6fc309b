import { peft } from "../../../mod.ts";
import { requireName } from "../../../lib/text/nearest.ts";
import { nonNegative, positive, wholeNumber } from "../../terminal/flags.ts";
import type { Beginning } from "../model/adapted.ts";
import { type LoadedModel, type StoredWeights, weightsOf } from "../model/load_model.ts";
import { DEFAULT_METHOD } from "../../recipes/methods.ts";
import { METHOD_FLAGS, type MethodSettings, parseTargets } from "./make_method.ts";
import { OPTIMIZERS, type OptimizerSettings, SCHEDULES } from "./optimizer.ts";
import type { TaskFlags } from "../data/raw_task.ts";
import { outputsOf, type TuningTask } from "../data/read_task.ts";

/** Flags of `deno task train` that decide what comes out; their values as they were typed. */
export interface TrainFlags extends TaskFlags {
  readonly model?: string;
  readonly revision?: string;
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
  readonly weights?: string;
  /** Options of methods by their flags. */
  readonly [flag: string]: unknown;
}

/** All that decides what a run gives, with defaults filled in; absent values are not there. */
export interface TrainSettings extends MethodSettings, OptimizerSettings {
  readonly model: string;
  readonly revision?: string;
  readonly task?: string;
  readonly data?: string;
  readonly "eval-data"?: string;
  readonly columns?: string;
  readonly kind?: string;
  readonly "adapter-init"?: string;
  readonly classes?: string;
  readonly "fresh-head"?: boolean;
  /** Norm to which gradients are cut; 0 for none. */
  readonly clip: number;
  /** Of the head: classes, or 1 for scores. */
  readonly outputs: number;
  readonly batch: number;
  readonly accumulate: number;
  readonly "max-length": number;
  readonly dropout?: number;
  readonly shuffle: boolean;
  readonly seed: number;
}

/** Steps that so many passes take: passes run on into each other, but in the file's order each ends with a short batch. */
function stepsOf(epochs: number, examples: number, { batch, accumulate, shuffle }: TrainSettings): number {
  const batches = shuffle ? epochs * examples / batch : epochs * Math.ceil(examples / batch);
  return Math.max(1, Math.ceil(batches / accumulate));
}

function countsOf(
  flags: TrainFlags,
  examples: number,
): Pick<TrainSettings, "batch" | "accumulate" | "shuffle" | "steps"> {
  if (flags.steps !== undefined && flags.epochs !== undefined) {
    throw new RangeError("--steps and --epochs exclude each other");
  }
  const batch = wholeNumber("batch", flags.batch ?? "16");
  const accumulate = wholeNumber("accumulate", flags.accumulate ?? "1");
  const shuffle = requireName("value of --shuffle", flags.shuffle ?? "true", ["true", "false"]) === "true";
  const steps = flags.steps === undefined
    ? stepsOf(positive("epochs", flags.epochs ?? "3"), examples, { batch, accumulate, shuffle } as TrainSettings)
    : wholeNumber("steps", flags.steps);
  return { batch, accumulate, shuffle, steps };
}

/** What an adapter decides of the method that begins from it. */
interface Decided {
  readonly method: peft.MethodDescription;
  /** None where the method is the adapter's own, which is made of its configuration. */
  readonly options?: peft.MethodOptions;
  readonly targets?: string;
  readonly heads?: string;
}

/** What an adapter decides is not asked again. */
function fromAdapter(flags: TrainFlags, { name, options, trainable }: Beginning): Decided {
  const method = peft.methodNamed(flags.method ?? name);
  const asked = METHOD_FLAGS.optionsOf(method);
  const refuse = (isDecided: (option: string) => boolean) => {
    for (const [flag, option] of asked) {
      if ((flags[flag] ?? false) === false || !isDecided(option)) continue;
      throw new RangeError(`--${flag} is the adapter's: leave it out with --adapter-init`);
    }
  };
  if (method.name === name) {
    refuse(() => true);
    return { method };
  }
  if (!options || !method.beginsFrom?.includes(name)) {
    const what = options ? `of ${name}` : "with patterns of rank or alpha";
    throw new RangeError(`--method ${method.name} cannot begin from an adapter ${what}: leave --method out`);
  }
  refuse((option) => option === "targets" || Object.hasOwn(options, option));
  return {
    method,
    options,
    targets: Object.keys(trainable.factors).join(","),
    heads: [...new Set(Object.keys(trainable.heads).map((name) => name.replace(/\.(weight|bias)$/, "")))].join(","),
  };
}

function methodSettings(
  flags: TrainFlags,
  { steps, loaded, beginning, weights }: {
    readonly steps: number;
    readonly loaded: LoadedModel;
    readonly beginning?: Beginning;
    readonly weights: StoredWeights;
  },
): MethodSettings {
  const decided = beginning && fromAdapter(flags, beginning);
  const method = decided?.method ?? peft.methodNamed(flags.method ?? DEFAULT_METHOD);
  const { name, options: schema, trainsWeights } = method;
  if (weights === "f16" && trainsWeights) {
    throw new RangeError(`--weights f16 is for weights that stay as they are, and ${name} trains them: --weights f32`);
  }
  const { targets: asked, ...given } = METHOD_FLAGS.read(method, flags);
  // A method as its adapter describes it has no settings here.
  if (decided && !decided.options) return { method: name, steps };
  const place = { steps, weights: weights === "f16" ? weights : undefined };
  const options = peft.completeOptions(method, { ...given, ...decided?.options }, place);
  const usual = schema.targets?.required ? loaded.model.loraTargets.join(",") : undefined;
  const targets = decided?.targets ?? (asked as string | undefined) ?? usual;
  if (targets !== undefined) peft.selectTargets(loaded.base, parseTargets(targets));
  const byFlag = Object.entries(options).map(([option, value]) => [METHOD_FLAGS.flagOf(method, option), value]);
  return {
    method: name,
    ...Object.fromEntries(byFlag),
    ...targets !== undefined && { targets },
    ...decided?.heads !== undefined && { heads: decided.heads },
    steps,
  };
}

/** The value of a flag that names something, where it is there. */
function nameOf<Name extends string>(flag: string, text: string | undefined, known: readonly Name[]): Name | undefined {
  return text === undefined ? undefined : requireName(`value of --${flag}`, text, known);
}

/** SGD and its momentum; AdamW, the default, is not named, as it was not before there was a choice. */
function optimizerOf(
  { optimizer, momentum }: TrainFlags,
): Pick<OptimizerSettings, "optimizer" | "momentum"> {
  if (nameOf("optimizer", optimizer, OPTIMIZERS) === "sgd") {
    return { optimizer: "sgd", momentum: rateOf("momentum", momentum) };
  }
  if (momentum !== undefined) throw new RangeError("--momentum is nothing of AdamW: --optimizer sgd has it");
  return {};
}

/** Warm-up in steps: a share of the run below 1, else steps, but fewer than all. */
function warmupOf(text: string, steps: number): number {
  const value = nonNegative("warmup", text);
  if (value >= 1) return wholeNumber("warmup", text);
  return Math.min(Math.ceil(value * steps), steps - 1);
}

/**
 * Reads a run's settings from its flags, with all defaults filled in.
 *
 * Throws a RangeError that names the flag that is wrong.
 */
export function trainSettings(
  flags: TrainFlags,
  { task, loaded, beginning }: {
    readonly task: TuningTask;
    readonly loaded: LoadedModel;
    readonly beginning?: Beginning;
  },
): TrainSettings {
  const counts = countsOf(flags, task.train.length);
  const weights = weightsOf(flags);
  const method = methodSettings(flags, { steps: counts.steps, loaded, beginning, weights });
  const { learningRate: usualRate = 5e-4 } = peft.methodNamed(method.method);
  const schedule = requireName("schedule", flags.schedule ?? "linear", SCHEDULES);
  const warmup = warmupOf(flags.warmup ?? (schedule === "constant" ? "0" : "0.06"), counts.steps);
  if (warmup >= counts.steps) {
    throw new RangeError(`--warmup ${warmup} leaves nothing of ${counts.steps} steps`);
  }
  const { model, task: name, data, "eval-data": evalData, columns, kind, classes, "adapter-init": adapterInit } = flags;
  const settings: TrainSettings = {
    model: model!,
    revision: flags.revision,
    task: name,
    data,
    "eval-data": evalData,
    columns,
    kind,
    "adapter-init": adapterInit,
    classes,
    "fresh-head": flags["fresh-head"] || undefined,
    outputs: outputsOf(task),
    ...method,
    ...counts,
    weights: weights === "f16" ? weights : undefined,
    ...optimizerOf(flags),
    "learning-rate": positive("learning-rate", flags["learning-rate"] ?? String(usualRate)),
    schedule,
    warmup,
    "weight-decay": nonNegative("weight-decay", flags["weight-decay"] ?? "0.01"),
    "no-decay-bias": flags["no-decay-bias"] ?? false,
    clip: nonNegative("clip", flags.clip ?? "1"),
    "max-length": maxLengthOf(flags["max-length"], loaded),
    dropout: dropoutOf(flags.dropout),
    seed: wholeNumber("seed", flags.seed ?? "0", 0),
  };
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as unknown as typeof settings;
}

/** Rate of dropout that a flag names. Throws a RangeError where it is not in [0, 1). */
export function dropoutOf(text: string | undefined): number | undefined {
  return rateOf("dropout", text);
}

/** A share that a flag names, where it is there. Throws a RangeError where it is not in [0, 1). */
function rateOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const rate = nonNegative(flag, text);
  if (rate >= 1) throw new RangeError(`--${flag} is a rate below 1, not "${text}"`);
  return rate;
}

/** A model as far as it bounds the length of an example. */
type LengthBounds = Pick<LoadedModel, "maxLength" | "folder"> & {
  readonly tokenizer: Pick<LoadedModel["tokenizer"], "modelMaxLength">;
};

/**
 * Most tokens of an example: what the flag says, or 128, or fewer where the model or its tokenizer are for fewer. Throws a
 * RangeError where the model has positions for fewer than the flag says.
 */
export function maxLengthOf(text: string | undefined, { maxLength, tokenizer, folder }: LengthBounds): number {
  const most = Math.min(maxLength, tokenizer.modelMaxLength ?? maxLength);
  const wanted = text === undefined ? Math.min(128, most) : wholeNumber("max-length", text);
  if (wanted <= maxLength) return wanted;
  throw new RangeError(`--max-length ${wanted} is more than ${folder} has positions for: ${maxLength}`);
}
