import { GLUE_TASKS, type GlueTaskName } from "../../lib/data/mod.ts";
import { parseSpec, type RunSpec, SPEC_VERSION } from "../../lib/experiment/specs/mod.ts";
import type { Inputs, TaskRequest } from "./data/inputs.ts";
import { nameTask } from "./data/own_task.ts";
import type { TuningTask } from "./data/read_task.ts";
import type { Beginning } from "./model/adapted.ts";
import type { LoadedModel } from "./model/load_model.ts";
import { completeMethod, type MethodDraft } from "./train/complete_method.ts";
import { nameMethod } from "./train/load_method.ts";
import { makeMethod } from "./train/make_method.ts";
import { requireOwnOptimizer } from "./train/optimizer.ts";
import type { peft } from "../../mod.ts";
import { methodNamed } from "../recipes/methods.ts";
import { PACKAGE_VERSION } from "./versions.ts";

/** What is chosen of a run; all else has a default, or is what model and data say. */
export interface RunDraft
  extends
    Omit<TaskRequest, "task">,
    Partial<Pick<RunSpec, "steps" | "epochs" | "batchSize" | "accumulate" | "order" | "seed" | "labelSmoothing">> {
  readonly experiment: string;
  /** One of GLUE's or of the tasks of texts, or the path of a module of one's own; else there are columns. */
  readonly task?: string;
  readonly model?: Partial<Pick<RunSpec["model"], "dropout" | "weights" | "freshHead" | "length" | "targetLength">>;
  /** How texts are written that a run of texts is scored by; as its task's papers have it by default, or not at all. */
  readonly decoding?: Partial<NonNullable<RunSpec["decoding"]>> | "none";
  readonly method: MethodDraft;
  /** A warm-up below 1 is a share of the run; a `clip` of 0 is none. */
  readonly optimizer: Partial<RunSpec["optimizer"]>;
}

/** A model as far as it bounds the length of an example. */
type LengthBounds = Pick<LoadedModel, "maxLength" | "folder"> & {
  readonly tokenizer: Pick<LoadedModel["tokenizer"], "modelMaxLength">;
};

/**
 * Most tokens of an example: as many as are wanted, or 128, or fewer where the model or its tokenizer are for fewer. Throws
 * a RangeError where the model has positions for fewer than are wanted.
 */
export function lengthOf(wanted: number | undefined, { maxLength, tokenizer, folder }: LengthBounds): number {
  const most = Math.min(maxLength, tokenizer.modelMaxLength ?? maxLength);
  if (wanted === undefined) return Math.min(128, most);
  if (wanted <= maxLength) return wanted;
  throw new RangeError(`\`model.length\` ${wanted} is more than ${folder} has positions for: ${maxLength}`);
}

/** How long a run is: in steps, counted from passes where it is not said in steps. */
export function runLength(
  { steps, epochs, batchSize = 16, accumulate = 1, order }: Omit<RunDraft, "method" | "optimizer">,
  examples: number,
): Pick<RunSpec, "steps" | "epochs" | "batchSize" | "accumulate" | "order"> {
  if (steps !== undefined && epochs !== undefined) throw new RangeError("`steps` and `epochs` exclude each other");
  const passes = steps === undefined ? epochs ?? 3 : undefined;
  return {
    steps: steps ?? stepsOf(passes!, examples, { batchSize, accumulate, order }),
    ...passes !== undefined && { epochs: passes },
    batchSize,
    ...accumulate > 1 && { accumulate },
    ...order && { order },
  };
}

/** Steps that so many passes take: passes run on into each other, but in the file's order each ends with a short batch. */
function stepsOf(epochs: number, examples: number, { batchSize, accumulate, order }: {
  readonly batchSize: number;
  readonly accumulate: number;
  readonly order?: RunSpec["order"];
}): number {
  const batches = order === undefined ? epochs * examples / batchSize : epochs * Math.ceil(examples / batchSize);
  return Math.max(1, Math.ceil(batches / accumulate));
}

/**
 * An optimizer with all that decides it, for a method by name and so many steps.
 *
 * Throws a RangeError that names the place in the spec that is wrong.
 */
export function completeOptimizer(draft: RunDraft["optimizer"], method: string, steps: number): RunSpec["optimizer"] {
  const { name = "adamw", schedule = "linear", momentum, decaysBiases, clip = 1, epsilon } = draft;
  if (momentum !== undefined && name !== "sgd") {
    throw new RangeError("`optimizer.momentum` is nothing of AdamW: `optimizer.name` sgd has it");
  }
  requireOwnOptimizer(method, name);
  const wanted = draft.warmup ?? (schedule === "constant" ? 0 : 0.06);
  const warmup = wanted < 1 ? Math.min(Math.ceil(wanted * steps), steps - 1) : wanted;
  if (warmup >= steps) throw new RangeError(`\`optimizer.warmup\` ${warmup} leaves nothing of ${steps} steps`);
  return {
    name,
    learningRate: draft.learningRate ?? (methodNamed(method).learningRate ?? 5e-4),
    weightDecay: draft.weightDecay ?? 0.01,
    ...decaysBiases !== undefined && { decaysBiases },
    schedule,
    warmup,
    ...clip > 0 && { clip },
    ...momentum !== undefined && { momentum },
    ...epsilon !== undefined && { epsilon },
  };
}

/** Throws a RangeError where what is said of a run is of tasks of texts alone. */
function requireNoTexts({ labelSmoothing, decoding, model }: RunDraft): void {
  const [first] = Object.entries({ labelSmoothing, decoding, "model.targetLength": model?.targetLength })
    .filter(([, value]) => value !== undefined);
  if (first) throw new RangeError(`\`${first[0]}\` is of tasks whose answers are texts`);
}

/** A run's spec, and what it was made of. */
export interface CompleteSpec {
  readonly spec: RunSpec;
  readonly task: TuningTask;
  readonly loaded: LoadedModel;
  readonly method: peft.Method;
  /** What an adapter brings, where the run begins from one. */
  readonly beginning?: Beginning;
}

/**
 * The spec of a run of which a part is chosen, from what model, data and adapter are: batches in buckets, all that is
 * scored in the end, scores of a regression as they are.
 *
 * Throws a RangeError that names the place in the spec that is wrong, and what reading model and data throws.
 */
export async function completeSpec(draft: RunDraft, inputs: Inputs): Promise<CompleteSpec> {
  const { experiment, model = {}, seed = 0 } = draft;
  requireNoTexts(draft);
  if (draft.steps !== undefined && draft.epochs !== undefined) runLength(draft, 1);
  const { task: name, module } = await nameTask(draft.task ?? "columns");
  const data = { ...draft.data, ...module && { module } };
  const request = { task: name, data, model, seed };
  const task = await inputs.task(request, "unnamed");
  const { reference } = await inputs.model(model.weights);
  const loaded = await inputs.loaded(request, task);
  const beginning = await inputs.beginning(request, task);
  const { weights, freshHead, dropout } = model;
  const length = runLength(draft, task.train.length);
  const { steps } = length;
  const method = completeMethod(await nameMethod(draft.method), { steps, loaded, beginning, weights });
  const isRegression = task.kind === "regression";
  const spec = parseSpec({
    version: SPEC_VERSION,
    experiment,
    data: { source: inputs.sourceOf(request), hash: task.hash, examples: task.train.length, ...data },
    task: name,
    kind: isRegression ? "regression" : "classification",
    metric: GLUE_TASKS[name as GlueTaskName]?.mainMetric ?? task.metrics[0],
    split: Object.keys(task.sets).length > 0 ? "dev" : "none",
    checkpoint: "last",
    model: {
      ...reference,
      length: lengthOf(model.length, loaded),
      ...dropout !== undefined && { dropout },
      ...freshHead && { freshHead },
    },
    ...beginning && { adapter: { hash: beginning.hash } },
    method,
    optimizer: completeOptimizer(draft.optimizer, method.name, steps),
    ...isRegression && { scores: "raw" },
    padding: "bucket",
    ...length,
    scoreBatchSize: 32,
    seed,
    packageVersion: PACKAGE_VERSION,
  });
  return { spec, task, loaded, method: makeMethod(spec, { beginning }), beginning };
}
