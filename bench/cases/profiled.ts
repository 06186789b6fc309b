import { type Batch, tensor } from "../../mod.ts";
import { completeOptimizer, lengthOf, type RunDraft } from "../../experiments/runner/complete_spec.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import type { PretrainedModel, RunModel } from "../../experiments/runner/model/run_model.ts";
import { completeMethod, type MethodDraft } from "../../experiments/runner/train/complete_method.ts";
import { type RunFunctions, runFunctions, type StepSpec } from "../../experiments/runner/train/prepare.ts";
import type { RunSpec } from "../../lib/experiment/specs/mod.ts";
import { BENCH_MODELS, type BenchModel, classes, describeModel, plainBatch, runModel, tensorBatch } from "./models.ts";

/** What of a run is chosen whose step is profiled: parts of its spec, and its model. */
export interface ProfileDraft extends Pick<RunDraft, "batchSize" | "accumulate" | "optimizer"> {
  /** One of the benchmark's shapes, a folder in Hugging Face's layout, or `suite`. */
  readonly name: string;
  readonly model?: Pick<NonNullable<RunDraft["model"]>, "weights" | "dropout" | "length">;
  readonly method: MethodDraft;
}

/** Parts of a run's spec: all that decides a step. */
export type ProfiledSpec = StepSpec & Pick<RunSpec, "batchSize" | "accumulate"> & {
  readonly model: Pick<RunSpec["model"], "length">;
};

/** A step of training, and what it is called with. */
export interface Profiled {
  readonly name: string;
  /** Sizes of model and batch, in words. */
  readonly description: string;
  readonly spec: ProfiledSpec;
  readonly functions: RunFunctions;
  /** The parts of a step. */
  readonly batches: readonly Batch[];
}

/** Steps of the run that the step is of: schedules and budgets go by them. */
const STEPS = 1000;
const LABELS = 2;
/** Of the benchmark's shapes; a folder's config has its own. */
const DROPOUT = 0.1;

/** A model, as much of it as a step needs, and the batches that it gets. */
interface Trained {
  readonly model: Pick<RunModel, "classifier" | "targets">;
  readonly sizes: Omit<BenchModel, "name" | "maxLength" | "labels">;
  readonly batch: Batch;
  readonly dropout?: number;
}

function benchTrained(
  shape: BenchModel,
  { batchSize, model: { weights, dropout = DROPOUT, length } = {} }: ProfileDraft,
) {
  const [rows, tokens] = shape.batch;
  const wanted = length ?? tokens;
  const { maxLength } = shape;
  if (wanted > maxLength) {
    throw new RangeError(`\`model.length\` ${wanted} is more than ${shape.name} has positions for: ${maxLength}`);
  }
  const sized: BenchModel = { ...shape, batch: [batchSize ?? rows, wanted] };
  return {
    model: { ...runModel(sized, weights), targets: ["query", "value"] },
    sizes: sized,
    batch: tensorBatch(sized),
    dropout,
  };
}

/** A model of a folder, or of the hub's cache. Throws a RangeError with the shapes that there are where there is none. */
async function pretrained(name: string, weights?: "f16"): Promise<PretrainedModel> {
  try {
    return await new Inputs({ model: name, offline: true }).pretrained(weights);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new RangeError(`${error.message}; shapes of the benchmark are ${Object.keys(BENCH_MODELS).join(", ")}`);
  }
}

async function folderTrained({ name, batchSize = 16, model: draft = {} }: ProfileDraft): Promise<Trained> {
  const { files, folder, reference, ...model } = await pretrained(name, draft.weights);
  const { maxLength, vocabSize } = reference;
  const length = lengthOf(draft.length, { maxLength, folder, tokenizer: files.tokenizer });
  const sizes = { ...reference, batch: [batchSize, length] as const };
  const { inputIds, attentionMask, labels } = plainBatch({ vocabSize, labels: LABELS, batch: sizes.batch });
  const of = (data: Int32Array) => tensor(data, { shape: sizes.batch });
  const batch: Batch = {
    inputIds: of(inputIds),
    attentionMask: of(attentionMask),
    // All of the first kind, which every model has.
    tokenTypeIds: of(new Int32Array(inputIds.length)),
    labels: tensor(labels),
  };
  return { model, sizes, batch, dropout: draft.dropout };
}

/**
 * The step of a run of which a part is chosen, by the runner's own functions, on a batch that is drawn.
 *
 * Throws a RangeError that names the place in the spec that is wrong, and what reading the model throws.
 */
export async function profiled(draft: ProfileDraft): Promise<Profiled> {
  const { name, accumulate = 1, model: { weights } = {} } = draft;
  const shape = Object.hasOwn(BENCH_MODELS, name) ? BENCH_MODELS[name] : undefined;
  const { model, sizes, batch, dropout } = shape ? benchTrained(shape, draft) : await folderTrained(draft);
  const task = classes(LABELS);
  const { targets: loraTargets = [] } = model;
  const method = completeMethod(draft.method, {
    steps: STEPS,
    loaded: { base: model.classifier({ labels: LABELS }).params(0), model: { loraTargets } },
    weights,
  });
  const [batchSize, length] = sizes.batch;
  const spec: ProfiledSpec = {
    method,
    optimizer: completeOptimizer(draft.optimizer, method.name, STEPS),
    steps: STEPS,
    model: { weights, dropout, length },
    batchSize,
    accumulate,
  };
  const words = [
    describeModel(sizes),
    accumulate > 1 && `${accumulate} batches a step`,
    weights && `weights in ${weights}`,
  ];
  return {
    name: shape?.name ?? name,
    description: [...words, dropout === undefined ? "the model's dropout" : `dropout ${dropout}`]
      .filter((part) => part !== false && part !== undefined).join(", "),
    spec,
    functions: runFunctions(spec, { model, task }),
    batches: Array.from({ length: accumulate }, () => batch),
  };
}
