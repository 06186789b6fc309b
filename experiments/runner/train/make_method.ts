import { peft } from "../../../mod.ts";
import { MethodFlags } from "../../terminal/method_flags.ts";

/** Flags of `deno task train` that options of methods cannot have. */
const OWN_FLAGS = ["dropout", "warmup", "heads", "steps", "seed", "schedule", "momentum", "clip", "batch"] as const;

/** Flags of the options of all methods. */
export const METHOD_FLAGS: MethodFlags = new MethodFlags(peft.METHODS, OWN_FLAGS);

/** A method as flags describe it, with all defaults filled in; what a method does not have is not there. */
export interface MethodSettings {
  readonly method: string;
  /** Names or endings with commas between, or a pattern as `/…/`. */
  readonly targets?: string;
  /** Modules that are trained whole, with commas between; classifier and pooler by default. */
  readonly heads?: string;
  readonly steps: number;
  /** How weights are kept that nothing trains, where not in f32. */
  readonly weights?: "f16";
  /** Options by their flags. */
  readonly [flag: string]: peft.OptionValue | undefined;
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

/** The method of settings; what else is in them, as the optimizer's warm-up, is not asked. */
export function makeMethod(settings: MethodSettings): peft.Method {
  const { method, steps, targets, weights } = settings;
  const description = peft.methodNamed(method);
  const options = [...METHOD_FLAGS.optionsOf(description)].flatMap(([flag, option]) => {
    const value = settings[flag];
    return value === undefined || option === "targets" ? [] : [[option, value] as const];
  });
  return description.make(Object.fromEntries(options), {
    steps,
    targets: targets === undefined ? undefined : parseTargets(targets),
    heads: headsOf(settings),
    weights,
  });
}
