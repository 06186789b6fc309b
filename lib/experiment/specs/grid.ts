import { nearest } from "../../text/nearest.ts";
import { expand, valueAt, withValue } from "./choices.ts";
import { METHOD_OPTIONS } from "./method_options.ts";
import { distinctSpecs, parseSpec, type RunSpec, RunSpecSchema } from "./spec.ts";
import { pathsOf } from "./spec_fault.ts";

/** Plain data, or a list of what it is to be in turn. */
export type Choices<T> = Varied<T> | readonly Varied<T>[];

/** Plain data in which a list of choices may stand at any place. */
export type Varied<T> = T extends object ? { readonly [Key in keyof T]: Choices<T[Key]> } : T;

/**
 * What stands at dotted paths such as `method.rank`: a value, a list of values in turn, or a function that gives either
 * of the spec as it is so far.
 */
export type Axes = Readonly<Record<string, unknown>>;

/** Options of {@linkcode grid}. */
export interface GridOptions {
  /** Names that there are at dotted paths, such as `{ task: ["cola", "rte"] }`; others are refused. */
  readonly names?: Readonly<Record<string, readonly string[]>>;
  /** Options of methods of one's own, beside those of {@linkcode METHOD_OPTIONS}. */
  readonly methodOptions?: readonly string[];
}

function requirePath(path: string, paths: readonly string[]): void {
  if (paths.includes(path)) return;
  throw new RangeError(
    `Cannot make a grid over "${path}" as a spec has no such place: did you mean "${nearest(path, paths)}"?`,
  );
}

function requireNames(spec: unknown, names: Readonly<Record<string, readonly string[]>>): void {
  for (const [path, known] of Object.entries(names)) {
    const word = valueAt(spec, path.split("."));
    if (word === undefined || known.includes(String(word))) continue;
    throw new RangeError(
      `Cannot make a grid as "${word}" at ${path} is unknown: did you mean "${nearest(String(word), known)}"? ` +
        `There are ${known.join(", ")}`,
    );
  }
}

/**
 * The specs of all combinations of choices, which may stand in the spec itself as lists, or beside it by dotted paths.
 * The later a list stands, the faster it varies, and those beside the spec vary faster than those in it. A function gets
 * the spec as it is so far and gives what belongs to it. Runs that would come twice come once, where they come first.
 *
 * Throws a RangeError that names the place where a list is empty, or where a path, a method's option or one of `names`
 * is unknown (with the nearest one), and a TypeError where a spec is wrong ({@linkcode parseSpec}).
 *
 * @example Three ranks with two seeds each, α twice the rank
 * ```ts
 * import { grid, type RunSpec } from "@delta-dawn/delta-lora/experiment";
 *
 * const sizes = { hiddenSize: 64, layers: 2, heads: 4, maxLength: 64, length: 64, vocabSize: 456 };
 * const base: RunSpec = {
 *   version: 1,
 *   experiment: "notebook",
 *   data: { source: "folder", hash: "1f", examples: 2490 },
 *   task: "rte",
 *   kind: "classification",
 *   metric: "accuracy",
 *   split: "dev",
 *   checkpoint: "last",
 *   model: { name: "tiny", hash: "2e", ...sizes },
 *   method: { name: "lora", rank: 8, alpha: 16 },
 *   optimizer: { name: "adamw", learningRate: 5e-3, weightDecay: 0.01, schedule: "linear", warmup: 6 },
 *   steps: 100,
 *   batchSize: 16,
 *   seed: 0,
 *   packageVersion: "0.1.0",
 * };
 * const specs = grid({ ...base, seed: [0, 1] }, {
 *   "method.rank": [2, 4, 8],
 *   "method.alpha": ({ method }: RunSpec) => 2 * Number(method.rank),
 * });
 * console.log(specs.length, specs.slice(1, 3).map(({ seed, method }) => [seed, method.alpha])); // 6 [[0, 8], [0, 16]]
 * ```
 */
export function grid(base: Choices<RunSpec>, axes: Axes = {}, options: GridOptions = {}): RunSpec[] {
  const { names = {}, methodOptions = [] } = options;
  const allOptions = [...Object.keys(METHOD_OPTIONS), "module", "source", ...methodOptions];
  const paths = [...pathsOf(RunSpecSchema), ...allOptions.map((option) => `method.${option}`)];
  let made = expand(base, "");
  for (const [path, choices] of Object.entries(axes)) {
    requirePath(path, paths);
    const keys = path.split(".");
    made = made.flatMap((spec) => {
      const own = typeof choices === "function" ? choices(spec) : choices;
      return expand(own, path).map((choice) => withValue(spec, keys, choice));
    });
  }
  return distinctSpecs(made.map((one) => {
    const spec = parseSpec(one);
    for (const option of Object.keys(spec.method)) requirePath(`method.${option}`, paths);
    requireNames(spec, names);
    return spec;
  }));
}
