import { optim, peft } from "../../mod.ts";
import type { RunSpec } from "../../lib/experiment/mod.ts";

/** A method's name and its options as plain data: what specs and records hold. */
export type MethodOptions = RunSpec["method"];

/** What a method needs beside its options. */
export interface MethodPlace {
  /** Steps of the run. */
  readonly steps: number;
  /** In place of the option `targets`, which is a regular expression that must match a whole path. */
  readonly targets?: peft.TargetPattern;
  /** Modules that are trained whole: classifiers and poolers by default. */
  readonly heads?: RegExp;
}

/** AdaLoRA's schedule in shares of a run: steps before the first cut, steps with a fixed pattern, and steps between cuts. */
export function adaloraShares(steps: number): { warmup: number; final: number; interval: number } {
  return {
    warmup: Math.floor(0.1 * steps),
    final: Math.min(Math.ceil(0.3 * steps), steps - 1),
    interval: Math.max(1, Math.floor(steps / 40)),
  };
}

/** Options that have a value, as methods take them: an absent one is the method's own default. */
function given<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

const optional = (value: MethodOptions[string] | undefined) => value === undefined ? undefined : Number(value);

function lowRank({ rank, alpha, targets, dropout }: MethodOptions, place: MethodPlace) {
  return given({
    rank: Number(rank),
    alpha: Number(alpha),
    targets: place.targets ?? String(targets),
    heads: place.heads,
    dropout: optional(dropout),
  });
}

function bottleneck({ width, targets, activation, norms }: MethodOptions, place: MethodPlace): peft.BottleneckOptions {
  return given({
    width: Number(width),
    targets: place.targets ?? (targets === undefined ? undefined : String(targets)),
    activation: activation as "gelu" | "relu" | undefined,
    norms: norms as boolean | undefined,
    heads: place.heads,
  });
}

/** Names of how Delta-LoRA's λ may go over a run; a constant one has none. */
export const LAMBDA_SCHEDULES = ["linear", "cosine"] as const;

/** λ as it is, or falling from it to 0 over the run. */
function lambdaOf({ lambda, lambdaSchedule }: MethodOptions, { steps: total }: MethodPlace): number | optim.Schedule {
  const peak = Number(lambda);
  if (lambdaSchedule === undefined) return peak;
  if (lambdaSchedule === "linear") return optim.linearSchedule({ peak, total });
  if (lambdaSchedule === "cosine") return optim.cosineSchedule({ peak, total });
  throw new RangeError(`λ goes by ${LAMBDA_SCHEDULES.join(" or ")} over a run, not by ${lambdaSchedule}`);
}

// deno-lint-ignore no-explicit-any -- what methods train differs
type Make = (options: MethodOptions, place: MethodPlace) => peft.Method<any, any>;

const MAKE = {
  full: () => peft.full(),
  bitfit: (_, { heads }) => peft.bitfit({ heads }),
  houlsby: (options, place) => peft.houlsby(bottleneck(options, place)),
  pfeiffer: (options, place) => peft.pfeiffer(bottleneck(options, place)),
  lora: (options, place) => peft.lora(lowRank(options, place)),
  rslora: (options, place) => peft.rslora(lowRank(options, place)),
  "lora-plus": (options, place) =>
    peft.loraPlus({ ...lowRank(options, place), ...given({ ratio: optional(options.ratio) }) }),
  dora: (options, place) => peft.dora(lowRank(options, place)),
  adalora: (options, place) =>
    peft.adalora({
      ...lowRank(options, place),
      initialRank: Number(options.initialRank),
      targetRank: Number(options.targetRank),
      warmup: Number(options.warmup),
      final: Number(options.final),
      interval: Number(options.interval),
      orthogonality: Number(options.orthogonality),
      totalSteps: place.steps,
    }),
  dylora: (options, place) =>
    peft.dylora({
      ...lowRank(options, place),
      ...given({ mode: options.mode as "all" | "frozen" | undefined, testRank: optional(options.testRank) }),
    }),
  "delta-lora": (options, place) =>
    peft.deltaLora({
      ...lowRank(options, place),
      lambda: lambdaOf(options, place),
      startStep: Number(options.startStep),
      write: options.write as "in-place",
      allowDropout: options.allowDropout === true,
    }),
  "lora-scaled": (options, place) =>
    peft.scaledLora({
      ...lowRank(options, place),
      lambda: Number(options.lambda),
      ...given({ startStep: optional(options.startStep) }),
    }),
} satisfies Readonly<Record<string, Make>>;

/** Name of a method. */
export type MethodName = keyof typeof MAKE;

/** Names of all methods. */
export const METHOD_NAMES = Object.keys(MAKE) as readonly MethodName[];

/** The method that options name. Throws a RangeError where an option cannot be. */
export function methodOf(options: MethodOptions & { readonly name: MethodName }, place: MethodPlace): peft.Method {
  return (MAKE[options.name] as Make)(options, place);
}
