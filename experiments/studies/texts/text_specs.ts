import { type RunSpec, SPEC_VERSION } from "../../../lib/experiment/specs/mod.ts";
import { recipeNamed } from "../../recipes/methods.ts";
import type { TextRecipe, TextScale, TextTaskName } from "../../recipes/texts.ts";
import { textMetricOf } from "../../runner/complete_text_spec.ts";
import { requireTrain } from "../../runner/data/encode_texts.ts";
import type { Inputs } from "../../runner/data/inputs.ts";
import { GENERATION_METRICS } from "../../runner/data/text_metrics.ts";
import { writtenSplit } from "../../runner/data/text_task.ts";
import { PACKAGE_VERSION } from "../../runner/versions.ts";
import { methodOf } from "../glue/glue_specs.ts";
import { TEXT_SIZES } from "../text_sizes.ts";

/** What a grid of texts is made of. */
export interface TextSpecsOptions {
  readonly task: TextTaskName;
  readonly scale: TextScale;
  readonly methods: readonly string[];
  /** How many seeds. */
  readonly seeds: number;
  /** The first of them, 0 by default. */
  readonly firstSeed?: number;
  /** Steps of all runs, in place of the recipe's. */
  readonly steps?: number;
  /** Peak rate of all runs, in place of the recipe's. */
  readonly learningRate?: number;
  /** Most sources that texts are written about. */
  readonly sources?: number;
  /** Whether only a plan is wanted, for which neither model nor data need be at hand. */
  readonly isPlan?: boolean;
}

type Facts = Pick<RunSpec, "data" | "split" | "metric">;

/** What the data are, or are known to be. */
async function factsOf(inputs: Inputs, { task: name, isPlan }: TextSpecsOptions, recipe: TextRecipe): Promise<Facts> {
  const source = inputs.sourceOf({ task: name });
  if (isPlan && !inputs.hasData) {
    const metric = textMetricOf({ metrics: GENERATION_METRICS[name] }, recipe.decoding);
    return { data: { source: "folder", hash: "unknown", examples: TEXT_SIZES[name].train }, split: "test", metric };
  }
  const task = await inputs.textTask(name);
  requireTrain(task);
  const split = writtenSplit(task);
  if (split === "none") {
    throw new RangeError(`${task.source} has neither dev nor test split: nothing is there to write texts about`);
  }
  return {
    data: { source, hash: task.hash, examples: task.train.length },
    split,
    metric: textMetricOf(task, recipe.decoding),
  };
}

/** How a run's gradients move its parameters. */
function optimizerOf(name: string, recipe: TextRecipe, steps: number, rate: number | undefined): RunSpec["optimizer"] {
  const { optimizer = "adamw", makeOptimizer } = recipeNamed(name);
  const { learningRate, weightDecay, warmup, epsilon, clip } = recipe;
  return {
    name: optimizer,
    learningRate: rate ?? learningRate,
    weightDecay,
    schedule: "linear",
    warmup: Math.min(warmup < 1 ? Math.ceil(warmup * steps) : warmup, steps - 1),
    ...clip !== undefined && { clip },
    ...epsilon !== undefined && optimizer === "adamw" && !makeOptimizer && { epsilon },
  };
}

/** Dropout in the branch, of methods that have it as an option and not among their usual ones. */
function branchDropout(name: string, { method: { dropout } = {} }: TextRecipe): { readonly dropout?: number } {
  if (dropout === undefined || !(Number(dropout) > 0)) return {};
  return Object.hasOwn(recipeNamed(name).description.options, "dropout") ? { dropout: Number(dropout) } : {};
}

/**
 * The runs of a task of texts at a size: by method, then seed.
 *
 * Throws where a file is missing or a row is wrong.
 */
export async function textSpecs(inputs: Inputs, options: TextSpecsOptions): Promise<RunSpec[]> {
  const { task, scale, methods, seeds, firstSeed = 0, sources } = options;
  const model = await inputs.model();
  const writer = await inputs.writer();
  const hasDecoder = writer.kind === "sequence-to-sequence";
  const { maxLength } = model.reference;
  const specs: RunSpec[] = [];
  for (const name of methods) {
    const recipe = scale.recipe(task, name);
    const { data, split, metric } = await factsOf(inputs, options, recipe);
    const { batchSize, labelSmoothing } = recipe;
    const epochs = options.steps === undefined && "epochs" in recipe.length ? recipe.length.epochs : undefined;
    const own = "steps" in recipe.length ? recipe.length.steps : Math.ceil((epochs ?? 0) * data.examples / batchSize);
    const steps = options.steps ?? own;
    // Texts have room behind their sources.
    const room = hasDecoder ? maxLength : maxLength - recipe.decoding.maxNewTokens;
    if (room < 1) {
      throw new RangeError(`${model.reference.name} has positions for ${maxLength} tokens: too few for texts`);
    }
    const shared: Omit<RunSpec, "seed"> = {
      version: SPEC_VERSION,
      experiment: task,
      data,
      task,
      kind: writer.kind,
      metric,
      split,
      checkpoint: "last",
      model: {
        ...model.reference,
        length: Math.min(recipe.tokens, maxLength),
        ...hasDecoder && { targetLength: Math.min(recipe.targetTokens, maxLength) },
        ...recipe.dropout !== undefined && { dropout: recipe.dropout },
      },
      method: {
        ...methodOf(name, steps, { recipe, model, isShort: options.steps !== undefined }),
        ...branchDropout(name, recipe),
      },
      optimizer: optimizerOf(name, recipe, steps, options.learningRate),
      ...labelSmoothing > 0 && { labelSmoothing },
      decoding: { ...recipe.decoding, ...sources !== undefined && { sources } },
      ...scale.name === "paper" && { padding: "bucket" },
      steps,
      ...epochs !== undefined && { epochs },
      batchSize,
      scoreBatchSize: 32,
      packageVersion: PACKAGE_VERSION,
    };
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) specs.push({ ...shared, seed });
  }
  return specs;
}
