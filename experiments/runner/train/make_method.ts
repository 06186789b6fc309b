import { peft } from "../../../mod.ts";
import { adaloraShares, METHOD_NAMES, type MethodName, methodOf } from "../../recipes/method_table.ts";

/** Names of the methods that can be trained. */
export const METHODS: readonly MethodName[] = METHOD_NAMES;

/** A method as flags describe it, with all defaults filled in; what a method does not have is not there. */
export interface MethodSettings {
  readonly method: MethodName;
  readonly rank?: number;
  readonly alpha?: number;
  readonly lambda?: number;
  readonly "lambda-schedule"?: string;
  readonly "start-step"?: number;
  /** Names or endings with commas between, or a pattern as `/…/`. */
  readonly targets?: string;
  /** Modules that are trained whole, with commas between; classifier and pooler by default. */
  readonly heads?: string;
  readonly "initial-rank"?: number;
  readonly interval?: number;
  readonly orthogonality?: number;
  /** Rate of dropout in front of A. */
  readonly "branch-dropout"?: number;
  /** Lets Delta-LoRA have it. */
  readonly "allow-dropout"?: boolean;
  readonly ratio?: number;
  readonly mode?: string;
  /** DyLoRA's rank in what it exports; the one that it was trained with where it is absent. */
  readonly "test-rank"?: number;
  readonly width?: number;
  readonly activation?: string;
  readonly steps: number;
  /** How weights are kept that nothing trains, where not in f32. */
  readonly weights?: "f16";
}

/** What `--targets` names: endings of paths, or a regular expression between slashes. Throws a RangeError where that is none. */
export function parseTargets(text: string): peft.TargetPattern {
  const pattern = /^\/(.+)\/$/s.exec(text)?.[1];
  if (pattern === undefined) return text.split(",").map((name) => name.trim());
  try {
    return new RegExp(pattern);
  } catch (error) {
    throw new RangeError(`--targets ${text} is no regular expression: ${(error as Error).message}`);
  }
}

function headsOf({ heads }: MethodSettings): RegExp {
  return heads === undefined
    ? peft.DEFAULT_HEADS
    : new RegExp(`^(${heads.split(",").map((name) => RegExp.escape(name)).join("|")})$`);
}

/** Flags whose option has another name than the flag in camel case. */
const OPTION_OF: Readonly<Record<string, string>> = { "branch-dropout": "dropout" };

const optionOf = (flag: string) =>
  OPTION_OF[flag] ?? flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The method of settings; what else is in them, as the optimizer's warm-up, is not asked. */
export function makeMethod(settings: MethodSettings): peft.Method {
  const { method, steps, targets } = settings;
  const own = [...METHOD_FLAGS[method], "test-rank" as const]
    .filter((flag) => flag !== "targets" && settings[flag] !== undefined)
    .map((flag) => [optionOf(flag), settings[flag]]);
  const schedule = method === "adalora" ? { ...adaloraShares(steps), targetRank: settings.rank } : {};
  // A W that is kept in f16 is not written: what it would receive stands beside it, as long as λ is constant.
  const isWritten = settings.weights !== "f16" || settings["lambda-schedule"] !== undefined;
  const write = method === "delta-lora" ? { write: isWritten ? "in-place" : "telescoped" } : {};
  return methodOf(
    { ...schedule, ...write, ...Object.fromEntries(own), name: method },
    { steps, targets: targets === undefined ? undefined : parseTargets(targets), heads: headsOf(settings) },
  );
}

const LOW_RANK = ["rank", "alpha", "targets", "branch-dropout"] as const;
const BOTTLENECK = ["width", "activation", "targets"] as const;

/** Flags that a method takes beside its name. */
export const METHOD_FLAGS: Readonly<Record<MethodName, readonly (keyof MethodSettings)[]>> = {
  full: [],
  bitfit: [],
  houlsby: BOTTLENECK,
  pfeiffer: BOTTLENECK,
  lora: LOW_RANK,
  rslora: LOW_RANK,
  "lora-plus": [...LOW_RANK, "ratio"],
  dora: LOW_RANK,
  adalora: [...LOW_RANK, "initial-rank", "interval", "orthogonality"],
  dylora: [...LOW_RANK, "mode"],
  "delta-lora": [...LOW_RANK, "lambda", "lambda-schedule", "start-step", "allow-dropout"],
  "lora-scaled": [...LOW_RANK, "lambda"],
};
