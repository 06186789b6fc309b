import { peft } from "../../../mod.ts";
import { requireName } from "../../../lib/data/nearest.ts";
import { nonNegative, positive, wholeNumber } from "../../terminal/flags.ts";
import type { Beginning } from "../model/adapted.ts";
import { type LoadedModel, type StoredWeights, weightsOf } from "../model/load_model.ts";
import { adaloraShares, LAMBDA_SCHEDULES } from "../../recipes/method_table.ts";
import { METHOD_FLAGS, METHODS, type MethodSettings, parseTargets } from "./make_method.ts";
import { OPTIMIZERS, type OptimizerSettings, SCHEDULES } from "./optimizer.ts";
import type { TaskFlags } from "../data/raw_task.ts";
import { outputsOf, type TuningTask } from "../data/read_task.ts";

/** Flags of `deno task train` that decide what comes out; their values as they were typed. */
export interface TrainFlags extends TaskFlags {
  readonly model?: string;
  readonly revision?: string;
  readonly method?: string;
  readonly rank?: string;
  readonly alpha?: string;
  readonly lambda?: string;
  readonly "start-step"?: string;
  readonly targets?: string;
  readonly "adapter-init"?: string;
  readonly "fresh-head"?: boolean;
  readonly "initial-rank"?: string;
  readonly interval?: string;
  readonly orthogonality?: string;
  readonly "lambda-schedule"?: string;
  readonly "branch-dropout"?: string;
  readonly "allow-dropout"?: boolean;
  readonly ratio?: string;
  readonly mode?: string;
  readonly width?: string;
  readonly activation?: string;
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

/** Methods that can begin from a LoRA adapter. */
const FROM_LORA: readonly string[] = ["delta-lora", "lora-scaled", "lora-plus", "dylora"];

/** What an adapter decides is not asked again. */
function fromAdapter(
  flags: TrainFlags,
  beginning: Beginning,
): Partial<MethodSettings> & Pick<MethodSettings, "method"> {
  const decided = [
    "rank",
    "alpha",
    "targets",
    "initial-rank",
    "interval",
    "orthogonality",
    "width",
    "activation",
  ] as const;
  for (const name of decided) {
    if (flags[name] !== undefined) throw new RangeError(`--${name} is the adapter's: leave it out with --adapter-init`);
  }
  const method = requireName("method", flags.method ?? beginning.name, METHODS);
  if (method === beginning.name) return { method };
  const { config, trainable } = beginning;
  const patterns = [config.rank_pattern, config.alpha_pattern].some((pattern) => Object.keys(pattern ?? {}).length > 0);
  if (beginning.name !== "lora" || patterns || !FROM_LORA.includes(method)) {
    const what = patterns ? "with patterns of rank or alpha" : `of ${beginning.name}`;
    throw new RangeError(`--method ${method} cannot begin from an adapter ${what}: leave --method out`);
  }
  return {
    method,
    // PEFT's defaults.
    rank: Number(config.r ?? 8),
    alpha: Number(config.lora_alpha ?? 8),
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
  const method = decided?.method ?? requireName("method", flags.method ?? "delta-lora", METHODS);
  if (weights === "f16" && method === "full") {
    throw new RangeError("--weights f16 is for weights that stay as they are, and full trains them: --weights f32");
  }
  const own = new Set(METHOD_FLAGS[method]);
  for (const name of new Set(Object.values(METHOD_FLAGS).flat())) {
    if ((flags[name as keyof TrainFlags] ?? false) === false || own.has(name)) continue;
    throw new RangeError(`--${name} is nothing of method ${method}`);
  }
  // A method as its adapter describes it has no settings here.
  if (beginning && method === beginning.name) return { method, steps };
  const rank = wholeNumber("rank", flags.rank ?? "8");
  const all: Omit<MethodSettings, "method" | "steps"> = {
    rank,
    alpha: positive("alpha", flags.alpha ?? "16"),
    // Adapters behind layers stand at places of their own.
    targets: flags.targets ?? (own.has("width") ? undefined : loaded.model.loraTargets.join(",")),
    lambda: positive("lambda", flags.lambda ?? "0.5"),
    "start-step": wholeNumber("start-step", flags["start-step"] ?? String(Math.floor(steps / 4)), -1),
    "initial-rank": wholeNumber("initial-rank", flags["initial-rank"] ?? String(Math.ceil(1.5 * rank)), rank),
    interval: wholeNumber("interval", flags.interval ?? String(adaloraShares(steps).interval)),
    orthogonality: nonNegative("orthogonality", flags.orthogonality ?? "0.1"),
    "lambda-schedule": nameOf("lambda-schedule", flags["lambda-schedule"], LAMBDA_SCHEDULES),
    "branch-dropout": rateOf("branch-dropout", flags["branch-dropout"]),
    "allow-dropout": flags["allow-dropout"] || undefined,
    ratio: positive("ratio", flags.ratio ?? "16"),
    mode: nameOf("mode", flags.mode ?? "all", ["all", "frozen"]),
    width: wholeNumber("width", flags.width ?? "64"),
    activation: nameOf("activation", flags.activation, ["gelu", "relu"]),
  };
  const isTaken = ([name, value]: [string, unknown]) => own.has(name as keyof MethodSettings) && value !== undefined;
  const taken = Object.fromEntries(Object.entries(all).filter(isTaken));
  const named: MethodSettings = { method, ...taken, ...decided, steps };
  if (named.targets !== undefined) peft.selectTargets(loaded.base, parseTargets(named.targets));
  return named;
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
    "learning-rate": positive("learning-rate", flags["learning-rate"] ?? (method.method === "full" ? "2e-5" : "5e-4")),
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
