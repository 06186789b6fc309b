import { glueTask } from "../../../lib/data/mod.ts";
import { hashSpec, type ModuleSpec, type RunSpec, SPEC_VERSION } from "../../../lib/experiment/specs/mod.ts";
import { PACKAGE_VERSION } from "../../runner/versions.ts";
import { recipeNamed } from "../../recipes/methods.ts";
import type { Scale, TaskRecipe } from "../../recipes/mod.ts";
import type { Inputs } from "../../runner/data/inputs.ts";
import { mainMetricOf, ownTaskNamed } from "../../runner/data/own_task.ts";
import type { RunModel } from "../../runner/model/run_model.ts";
import { sizeOfName } from "../../suite/encoders.ts";
import { isProbe } from "../../suite/probes.ts";
import { GLUE_SIZES } from "./glue_sizes.ts";

/** What a grid is made of. */
export interface GlueSpecsOptions {
  readonly scale: Scale;
  /** GLUE's, and names of one's own that were loaded. */
  readonly tasks: readonly string[];
  readonly methods: readonly string[];
  /** How many seeds. */
  readonly seeds: number;
  /** The first of them, 0 by default. */
  readonly firstSeed?: number;
  /** Steps of all runs, in place of each recipe's. */
  readonly steps?: number;
  /** Peak rate of all runs, in place of each recipe's. */
  readonly learningRate?: number;
  /** Delta-LoRA's K in steps, or below 1 as a share of the run. */
  readonly startStep?: number;
  /** Which state is scored, in place of each recipe's. */
  readonly checkpoint?: RunSpec["checkpoint"];
  /** Whether all runs start from the model itself, not from another run. */
  readonly startsAtModel?: boolean;
  /** Whether only a plan is wanted, for which neither model nor data need be at hand. */
  readonly isPlan?: boolean;
}

/** What is known of a task before its data are read. */
interface TaskFacts {
  readonly kind: RunSpec["kind"];
  readonly metric: string;
  /** Of one's own. */
  readonly module?: ModuleSpec;
}

function factsOf(task: string): TaskFacts {
  const own = ownTaskNamed(task);
  if (own) {
    return {
      kind: own.description.kind,
      metric: mainMetricOf(own),
      module: { path: own.module, hash: own.source },
    };
  }
  if (isProbe(task)) return { kind: "classification", metric: "accuracy" };
  const { kind, mainMetric } = glueTask(task);
  return { kind: kind === "regression" ? kind : "classification", metric: mainMetric };
}

/** What a run's data and model are, as far as they are known. */
interface Material {
  readonly model: RunModel;
  readonly data: RunSpec["data"];
  /** Most tokens of an example. */
  readonly length: number;
}

/** Steps of a count, or of a share of all where it is below 1. */
function stepsOf(count: number, steps: number): number {
  return count > 0 && count < 1 ? Math.floor(count * steps) : count;
}

/**
 * A method's options for a run: K is asked for by itself; AdaLoRA's schedule is one of the recipe's own number of steps.
 */
export function methodOf(name: string, steps: number, { recipe, model, startStep, isShort }: {
  readonly recipe: Pick<TaskRecipe, "method">;
  readonly model: RunModel;
  readonly startStep?: number;
  readonly isShort: boolean;
}): RunSpec["method"] {
  const usual = recipeNamed(name).options(steps);
  const endings = model.targets && `(.*\\.)?(${model.targets.join("|")})`;
  const { targets = endings, ...wanted } = recipe.method ?? {};
  const scheduled = ["warmup", "final", "interval"];
  const own = Object.entries({ ...targets && { targets }, ...wanted, ...startStep !== undefined && { startStep } })
    .filter(([option]) => Object.hasOwn(usual, option) && !(isShort && scheduled.includes(option)))
    .map(([option, value]) => [option, option === "startStep" ? stepsOf(Number(value), steps) : value]);
  return { ...usual, ...Object.fromEntries(own) };
}

/** The spec of a run but for its seed and its start. */
function specOf(
  [task, name]: readonly [task: string, method: string],
  { model, data, length }: Material,
  options: GlueSpecsOptions,
): Omit<RunSpec, "seed"> {
  const { scale } = options;
  const { kind, metric } = factsOf(task);
  const recipe = scale.recipe(task, name);
  const { batchSize, learningRate, weightDecay, decaysBiases } = recipe;
  const perEpoch = Math.ceil(data.examples / batchSize);
  const isShort = options.steps !== undefined;
  const epochs = !isShort && "epochs" in recipe.length ? recipe.length.epochs : undefined;
  const own = "steps" in recipe.length ? recipe.length.steps : Math.ceil((epochs ?? 0) * data.examples / batchSize);
  const steps = options.steps ?? own;
  const warmup = recipe.warmup < 1 ? Math.ceil(recipe.warmup * steps) : recipe.warmup;
  const checkpoint = options.checkpoint ?? recipe.checkpoint;
  return {
    version: SPEC_VERSION,
    experiment: "glue",
    data,
    task,
    kind,
    metric,
    split: "dev",
    checkpoint,
    ...checkpoint === "best" && { evaluateEvery: Math.min(perEpoch, steps) },
    // Of a run's tenths, the last ones.
    ...checkpoint === "late" && { evaluateEvery: Math.ceil(steps / 10) },
    model: { ...model.reference, length },
    method: methodOf(name, steps, {
      recipe,
      model,
      startStep: options.startStep,
      isShort,
    }),
    optimizer: {
      name: recipeNamed(name).optimizer ?? "adamw",
      learningRate: options.learningRate ?? learningRate,
      weightDecay,
      ...decaysBiases !== undefined && { decaysBiases },
      schedule: "linear",
      warmup: Math.min(warmup, steps - 1),
      clip: 1,
    },
    ...scale.scores && kind === "regression" && { scores: scale.scores },
    ...scale.padding && { padding: scale.padding },
    steps,
    ...epochs !== undefined && { epochs },
    batchSize,
    packageVersion: PACKAGE_VERSION,
  };
}

/** What decides which runs start from which. */
type Starts = Pick<GlueSpecsOptions, "methods" | "scale" | "startsAtModel">;

/** Tasks that runs of other ones start from. */
export function startTasks(
  tasks: readonly string[],
  { methods, scale, startsAtModel }: Starts,
): readonly string[] {
  if (startsAtModel) return [];
  return tasks.flatMap((task) => methods.flatMap((method) => scale.recipe(task, method).start ?? []));
}

/** Tasks in the order in which they run: those that others start from come first, asked for or not. */
export function orderTasks(options: Starts & Pick<GlueSpecsOptions, "tasks">): string[] {
  const { tasks } = options;
  return [...new Set([...startTasks(tasks, options), ...tasks])];
}

async function materialOf(
  inputs: Inputs,
  task: string,
  options: GlueSpecsOptions,
): Promise<Omit<Material, "model">> {
  const { scale, methods, isPlan = false } = options;
  const model = await inputs.model();
  const longest = Math.max(...methods.map((method) => scale.recipe(task, method).tokens));
  const most = Math.min(longest, model.reference.maxLength);
  const { module } = factsOf(task);
  if (isProbe(task) && sizeOfName(model.reference.name) === undefined) {
    throw new RangeError(`${task} is asked of the suite's encoder, and not of ${model.reference.name}`);
  }
  if (isPlan && !inputs.hasData && !module) {
    const { train } = GLUE_SIZES[glueTask(task).name];
    return { data: { source: "folder", hash: "unknown", examples: train }, length: most };
  }
  const request = { task, ...module && { data: { module } } };
  const { hash, train } = await inputs.task(request);
  const source = isProbe(task) ? "suite" : inputs.sourceOf(request);
  const data: RunSpec["data"] = { source, hash, examples: train.length, ...request.data };
  if (scale.padding === "bucket") return { data, length: most };
  return { data, length: (await inputs.encoded({ ...request, model: { length: most } })).train.length };
}

/**
 * The runs of GLUE at a size: by task, then method, then seed. What starts from another task's run names it by the hash
 * of its spec, and comes behind it.
 *
 * Throws where a file is missing or a row is wrong.
 */
export async function glueSpecs(inputs: Inputs, options: GlueSpecsOptions): Promise<RunSpec[]> {
  const { scale, methods, seeds, firstSeed = 0, startsAtModel = false } = options;
  const model = await inputs.model();
  const hashes = new Map<string, string>();
  const specs: RunSpec[] = [];
  for (const task of orderTasks(options)) {
    const { data, length: most } = await materialOf(inputs, task, options);
    for (const method of methods) {
      const recipe = scale.recipe(task, method);
      const shared = specOf([task, method], { model, data, length: Math.min(most, recipe.tokens) }, options);
      for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
        const run = startsAtModel || !recipe.start ? undefined : hashes.get(`${recipe.start} ${method} ${seed}`)!;
        const spec = { ...shared, ...run !== undefined && { start: { task: recipe.start!, run } }, seed };
        hashes.set(`${task} ${method} ${seed}`, await hashSpec(spec));
        specs.push(spec);
      }
    }
  }
  return specs;
}
