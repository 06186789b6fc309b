import * as v from "valibot";
import { nearest } from "../../text/nearest.ts";
import { isObject } from "../../text/is_object.ts";
import { expand, valueAt, withValue } from "./choices.ts";
import { type Part, RunPartSchema } from "./run_part.ts";
import type { RunSpec } from "./run_spec.ts";
import { pathsOf, specFault } from "./spec_fault.ts";

/** The version of {@linkcode RunFile} that this package reads and writes. */
export const RUN_FILE_VERSION = 1;

/** Where the inputs of runs lie on this machine, which their specs do not say. */
export interface RunFileInputs {
  /** `suite`, `suite-base`, a folder in Hugging Face's layout, or a name on the hub. */
  readonly model?: string;
  /** Branch, tag or commit of the model on the hub; `main` by default. */
  readonly revision?: string;
  /** `suite`, a folder of GLUE's files, or a file with columns. */
  readonly data?: string;
  /** A second file with columns, which is scored. */
  readonly evalData?: string;
  /** The folder of an adapter that runs begin from. */
  readonly adapter?: string;
}

/** A value that follows from another one: so many times as large, or what a table has for it. */
export type Dependent =
  | { readonly of: string; readonly times: number }
  | { readonly of: string; readonly values: Readonly<Record<string, unknown>> };

/** Runs as a configuration file describes them, parsed from YAML or JSON. */
export interface RunFile {
  /** Address of the file's JSON Schema, for editors. */
  readonly $schema?: string;
  /** The version of this form, {@linkcode RUN_FILE_VERSION}. */
  readonly version: typeof RUN_FILE_VERSION;
  /** Where model and data lie; those of the suite when absent. */
  readonly inputs?: RunFileInputs;
  /** The folder that records are written into. */
  readonly out?: string;
  /** What is chosen of every run: a part of a spec, or a whole one, which has a `packageVersion`. */
  readonly run?: Part<RunSpec>;
  /** Runs one by one: what stands at dotted paths of each, beside `run`. */
  readonly runs?: readonly Readonly<Record<string, unknown>>[];
  /** What stands at dotted paths in turn: every value of one list with every value of the others, the last one fastest. */
  readonly axes?: Readonly<Record<string, readonly unknown[] | Dependent>>;
  /** Seeds of every run: a list, or how many from `first` on, which is 0 by default. */
  readonly seeds?: readonly number[] | { readonly count: number; readonly first?: number };
}

const text = v.pipe(v.string(), v.minLength(1));
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** The schema of {@linkcode RunFile}. */
export const RunFileSchema: v.GenericSchema<unknown, RunFile> = v.strictObject({
  $schema: v.optional(text),
  version: v.literal(RUN_FILE_VERSION),
  inputs: v.optional(v.strictObject({
    model: v.optional(text),
    revision: v.optional(text),
    data: v.optional(text),
    evalData: v.optional(text),
    adapter: v.optional(text),
  })),
  out: v.optional(text),
  run: v.optional(RunPartSchema),
  runs: v.optional(v.pipe(v.array(v.record(text, v.unknown())), v.minLength(1))),
  axes: v.optional(v.record(
    text,
    v.union([
      v.pipe(v.array(v.unknown()), v.minLength(1)),
      v.strictObject({ of: text, times: v.number() }),
      v.strictObject({ of: text, values: v.record(v.string(), v.unknown()) }),
    ], "a list of values, { of: PATH, times: NUMBER } or { of: PATH, values: { … } }"),
  )),
  seeds: v.optional(v.union([
    v.pipe(v.array(whole), v.minLength(1)),
    v.strictObject({ count: v.pipe(whole, v.minValue(1)), first: v.optional(whole) }),
  ], "a list of whole numbers, or { count: N, first: N }")),
});

/** What is wrong with a configuration file, and the keys that lead to the place. */
export class RunFileError extends RangeError {
  /** The name of the error's class. */
  override readonly name = "RunFileError";

  /** With what is wrong, in words, and the keys from the file's root to the place. */
  constructor(message: string, readonly keys: readonly (string | number)[]) {
    super(message);
  }
}

/** Dotted paths of a part; options of methods are theirs to know. */
const PATHS = pathsOf(RunPartSchema);

function requirePath(path: string, keys: readonly (string | number)[]): void {
  if (PATHS.includes(path) || /^method\.\w+$/.test(path)) return;
  throw new RunFileError(`a run has no "${path}": did you mean "${nearest(path, PATHS)}"?`, keys);
}

/** The keys of the place in a file that decides what a run has at a dotted path. */
function placeOf(path: string, { run, runs, axes }: RunFile): readonly (string | number)[] {
  const parents = path.split(".").map((_, i, keys) => keys.slice(0, i + 1).join("."));
  const own = (from: Readonly<Record<string, unknown>> = {}) => parents.find((parent) => Object.hasOwn(from, parent));
  const axis = own(axes);
  if (axis !== undefined) return ["axes", axis];
  const index = runs?.findIndex((one) => own(one) !== undefined) ?? -1;
  if (index >= 0) return ["runs", index, own(runs![index])!];
  return run === undefined ? [] : ["run", ...path.split(".")];
}

function dependentValue(path: string, { of, ...rule }: Dependent, made: unknown): unknown {
  const keys = ["axes", path];
  const base = valueAt(made, of.split("."));
  if (base === undefined) {
    throw new RunFileError(`"${path}" follows from "${of}", which nothing before it says`, keys);
  }
  if ("values" in rule) {
    const found = rule.values[String(base)];
    if (found !== undefined) return found;
    throw new RunFileError(`"${path}" has no value where "${of}" is ${base}`, keys);
  }
  if (typeof base === "number") return rule.times * base;
  throw new RunFileError(`"${path}" is ${rule.times} times "${of}", which is no number: ${base}`, keys);
}

const isDependent = (value: unknown): value is Dependent => isObject(value) && "of" in value;

function seedsOf(seeds: RunFile["seeds"]): readonly number[] | undefined {
  if (seeds === undefined || !("count" in seeds)) return seeds;
  return Array.from({ length: seeds.count }, (_, i) => (seeds.first ?? 0) + i);
}

/**
 * A configuration file as it was parsed from YAML or JSON, once its form is checked.
 *
 * Throws a {@linkcode RunFileError} that names the nearest key or name.
 *
 * @example
 * ```ts
 * import { parseRunFile } from "@delta-dawn/delta-lora/experiment";
 *
 * const file = parseRunFile({ version: 1, run: { task: "rte" }, axes: { steps: [50, 100] }, seeds: { count: 3 } });
 * console.log(file.seeds); // { count: 3 }
 * ```
 */
export function parseRunFile(value: unknown): RunFile {
  const result = v.safeParse(RunFileSchema, value);
  if (result.success) {
    for (const path of Object.keys(result.output.axes ?? {})) requirePath(path, ["axes", path]);
    result.output.runs?.forEach((one, i) => {
      for (const path of Object.keys(one)) requirePath(path, ["runs", i, path]);
    });
    return result.output;
  }
  const { message, keys } = specFault(RunFileSchema, result.issues);
  throw new RunFileError(message, keys);
}

/**
 * The runs of a file, each as the part of its spec that the file says: every one of `runs` with every combination of
 * `axes` and every seed.
 *
 * Throws a {@linkcode RunFileError} with the place in the file where a value cannot be.
 *
 * @example
 * ```ts
 * import { expandRunFile } from "@delta-dawn/delta-lora/experiment";
 *
 * const runs = expandRunFile({ version: 1, run: { task: "rte" }, axes: { steps: [50, 100] }, seeds: [0, 1] });
 * console.log(runs.map(({ steps, seed }) => [steps, seed])); // [[50, 0], [50, 1], [100, 0], [100, 1]]
 * ```
 */
export function expandRunFile(file: RunFile): Part<RunSpec>[] {
  let made: unknown[] = (file.runs ?? [{}]).map((one) =>
    Object.entries(one).reduce<unknown>((run, [path, value]) => withValue(run, path.split("."), value), file.run ?? {})
  );
  const seeds = seedsOf(file.seeds);
  const axes = [...Object.entries(file.axes ?? {}), ...seeds ? [["seed", seeds] as const] : []];
  for (const [path, choices] of axes) {
    const keys = path.split(".");
    made = made.flatMap((run) => {
      const values = isDependent(choices) ? [dependentValue(path, choices, run)] : expand(choices, path);
      return values.map((value) => withValue(run, keys, value));
    });
  }
  return made.map((run) => {
    const result = v.safeParse(RunPartSchema, run);
    if (result.success) return result.output;
    const { message, keys } = specFault(RunPartSchema, result.issues);
    throw new RunFileError(message, placeOf(keys.join("."), file));
  });
}
