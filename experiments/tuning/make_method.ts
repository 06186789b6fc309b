import { peft } from "../../mod.ts";

/** Names of the methods that can be trained. */
export const METHODS = ["full", "lora", "rslora", "dora", "adalora", "delta-lora", "lora-scaled"] as const;

/** A method as flags describe it, with all defaults filled in; what a method does not have is not there. */
export interface MethodSettings {
  readonly method: typeof METHODS[number];
  readonly rank?: number;
  readonly alpha?: number;
  readonly lambda?: number;
  readonly "start-step"?: number;
  /** Names or endings with commas between, or a pattern as `/…/`. */
  readonly targets?: string;
  /** Modules that are trained whole, with commas between; classifier and pooler by default. */
  readonly heads?: string;
  readonly "initial-rank"?: number;
  readonly interval?: number;
  readonly orthogonality?: number;
  readonly steps: number;
}

/** The classifier, and the layers in front of it that checkpoints of bare encoders lack. */
const HEADS = /(^|\.)(classifier|score|pooler|pre_classifier)(\.|$)/;

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
    ? HEADS
    : new RegExp(`^(${heads.split(",").map((name) => RegExp.escape(name)).join("|")})$`);
}

/** The method of settings. */
export function makeMethod(settings: MethodSettings): peft.Method {
  const { method, rank = 0, alpha = 0, lambda = 0, targets = "", steps } = settings;
  const shared = { rank, alpha, targets: parseTargets(targets), heads: headsOf(settings) };
  switch (method) {
    case "full":
      return peft.full() as peft.Method;
    case "lora":
      return peft.lora(shared) as peft.Method;
    case "rslora":
      return peft.rslora(shared) as peft.Method;
    case "dora":
      return peft.dora(shared) as peft.Method;
    case "lora-scaled":
      return peft.scaledLora({ ...shared, lambda }) as peft.Method;
    case "delta-lora":
      return peft.deltaLora({
        ...shared,
        lambda,
        startStep: settings["start-step"]!,
        write: "in-place",
      }) as peft.Method;
    case "adalora":
      return peft.adalora({
        ...shared,
        initialRank: settings["initial-rank"]!,
        targetRank: rank,
        totalSteps: steps,
        warmup: Math.floor(0.1 * steps),
        final: Math.min(Math.ceil(0.3 * steps), steps - 1),
        interval: settings.interval!,
        orthogonality: settings.orthogonality!,
      }) as peft.Method;
  }
}

/** Flags that a method takes beside its name. */
export const METHOD_FLAGS: Readonly<Record<typeof METHODS[number], readonly (keyof MethodSettings)[]>> = {
  full: [],
  lora: ["rank", "alpha", "targets"],
  rslora: ["rank", "alpha", "targets"],
  dora: ["rank", "alpha", "targets"],
  adalora: ["rank", "alpha", "targets", "initial-rank", "interval", "orthogonality"],
  "delta-lora": ["rank", "alpha", "targets", "lambda", "start-step"],
  "lora-scaled": ["rank", "alpha", "targets", "lambda"],
};
