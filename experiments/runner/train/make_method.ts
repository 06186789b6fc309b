import { peft, type Tensor } from "../../../mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { recipeNamed } from "../../recipes/methods.ts";
import type { Beginning } from "../model/adapted.ts";

/**
 * What the option `targets` names: endings of paths with commas between, a regular expression between slashes that is
 * searched in a path, or else one that must match the whole.
 *
 * Throws a RangeError where it is no regular expression.
 */
export function parseTargets(text: string): peft.TargetPattern {
  if (/^[\w.-]+(\s*,\s*[\w.-]+)*$/.test(text)) return text.split(",").map((name) => name.trim());
  const pattern = /^\/(.+)\/$/s.exec(text)?.[1];
  try {
    return pattern === undefined ? (new RegExp(text), text) : new RegExp(pattern);
  } catch (error) {
    throw new RangeError(`\`method.targets\` ${text} is no regular expression: ${(error as Error).message}`);
  }
}

function headsOf(heads: string | undefined): RegExp {
  return heads === undefined
    ? peft.DEFAULT_HEADS
    : new RegExp(`^(${heads.split(",").map((name) => RegExp.escape(name)).join("|")})$`);
}

/** What of a spec decides its method. */
export type MethodSource = Pick<RunSpec, "method" | "steps"> & { readonly model?: Pick<RunSpec["model"], "weights"> };

/**
 * Options of a spec that are data: scalar tensors in the place of its numbers, which count where they are absent; with an
 * axis of cells where there are several runs.
 */
export interface RunSettings {
  /** Peak learning rate, in f32. */
  readonly learningRate?: Tensor;
  /** Decay, in f32. */
  readonly weightDecay?: Tensor;
  /** Options of the method that are data, by name: in f32, or in i32 where they are whole numbers. */
  readonly method?: Readonly<Record<string, Tensor>>;
}

/** Where the method of a spec is used. Throws a RangeError where its targets are no regular expression. */
export function placeOf({ method: { targets, heads }, steps, model }: MethodSource): peft.MethodPlace {
  return {
    steps,
    targets: targets === undefined ? undefined : parseTargets(String(targets)),
    heads: headsOf(heads === undefined ? undefined : String(heads)),
    weights: model?.weights,
  };
}

/** Name and options of a spec's method, with data in the place of numbers where there are any. */
export function optionsOf(
  { method: { targets: _, heads: __, ...options } }: Pick<MethodSource, "method">,
  settings: RunSettings = {},
): peft.MethodData & { readonly name: string } {
  return { ...options, ...settings.method, name: options.name };
}

/** Options of {@linkcode makeMethod}. */
export interface MakeMethodOptions {
  /** The adapter that the run begins from. */
  readonly beginning?: Beginning;
  /** What of the options is data; only those of the method count here. */
  readonly settings?: RunSettings;
}

/**
 * The method of a spec: by its options, or where it has none and an adapter of that method is begun from, as that one has
 * it. Throws a RangeError where an option cannot be.
 */
export function makeMethod(
  spec: MethodSource,
  { beginning, settings = {} }: MakeMethodOptions = {},
): peft.Method {
  const { name } = spec.method;
  if (beginning?.name === name) {
    const [option] = Object.keys(settings.method ?? {});
    if (option === undefined) return beginning.method;
    throw new RangeError(`${name}: ${option} is the adapter's own number, and cannot be a tensor`);
  }
  return recipeNamed(name).make(optionsOf(spec, settings), placeOf(spec));
}
