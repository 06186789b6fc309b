import type { peft, Tensor } from "../../mod.ts";
import type { Tokenizer } from "../../lib/data/mod.ts";
import { parseSpec, type RunSpec, SPEC_VERSION } from "../../lib/experiment/specs/mod.ts";
import {
  completeOptimizer,
  type CompleteSpec,
  completeSpec,
  lengthOf,
  type RunDraft,
  runLength,
} from "./complete_spec.ts";
import { requireTrain } from "./data/encode_texts.ts";
import type { Inputs } from "./data/inputs.ts";
import { type TextTask, writtenSplit } from "./data/text_task.ts";
import { isTextTask } from "./data/text_names.ts";
import { beginFrom, type Beginning } from "./model/adapted.ts";
import type { RunWriter } from "./model/text_writer.ts";
import { completeMethod } from "./train/complete_method.ts";
import { nameMethod } from "./train/load_method.ts";
import { makeMethod } from "./train/make_method.ts";
import { PACKAGE_VERSION } from "./versions.ts";

/** The spec of a run that learns to write texts, and what it was made of. */
export interface CompleteTextSpec {
  readonly spec: RunSpec;
  readonly task: TextTask;
  readonly writer: RunWriter;
  readonly base: Readonly<Record<string, Tensor>>;
  readonly tokenizer: Tokenizer;
  /** The model's folder, and its `config.json`. */
  readonly folder: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly method: peft.Method;
  /** What an adapter brings, where the run begins from one. */
  readonly beginning?: Beginning;
}

/** A decoding as far as it is said. */
type Decoding = NonNullable<RunSpec["decoding"]>;

/**
 * How the papers write texts about each task: the LoRA paper's E2E and WebNLG with ten beams, a length penalty of 0.9 and
 * 0.8, and no 4-gram twice; XSum with eight beams, as AdaLoRA's scripts do.
 */
export const PAPER_DECODING: Readonly<Record<string, Decoding>> = {
  e2e: { beams: 10, lengthPenalty: 0.9, noRepeatNGrams: 4, maxNewTokens: 64 },
  webnlg: { beams: 10, lengthPenalty: 0.8, noRepeatNGrams: 4, maxNewTokens: 64 },
  xsum: { beams: 8, maxNewTokens: 64 },
};

/** How texts are written where neither a paper nor a person says it. */
const GREEDY: Decoding = { beams: 1, maxNewTokens: 64 };

/** How texts are written, as it is said, else as the papers do; nothing where none is to be. */
function decodingOf(task: TextTask, said: RunDraft["decoding"]): Decoding | undefined {
  if (said === "none" || writtenSplit(task) === "none") return undefined;
  const usual: Decoding | undefined = PAPER_DECODING[task.name];
  if (!usual && !said) return undefined;
  return { ...GREEDY, ...usual, ...said };
}

/** The metric of a run: the first of its task's where it writes texts, else the share of tokens that it foresees. */
export function textMetricOf({ metrics }: Pick<TextTask, "metrics">, decoding: RunSpec["decoding"]): string {
  return decoding ? Object.keys(metrics)[0] : "tokenAccuracy";
}

/**
 * The spec of a run of texts of which a part is chosen, from what model, data and adapter are.
 *
 * Throws a RangeError that names the place in the spec that is wrong, and what reading model and data throws.
 */
export async function completeTextSpec(draft: RunDraft, inputs: Inputs): Promise<CompleteTextSpec> {
  const { experiment, model: { weights, dropout, ...lengths } = {}, labelSmoothing, seed = 0, task: name } = draft;
  if (name === undefined) throw new TypeError("internal: a run of texts has no task");
  if (lengths.freshHead) {
    throw new RangeError("`model.freshHead` is of classifiers: texts are written by the model's own head");
  }
  const task = await inputs.textTask(name);
  requireTrain(task);
  const { folder, config, tokenizer, reference } = await inputs.textModel(weights);
  const writer = await inputs.writer({ weights, dropout });
  const base = writer.params();
  const { adapter } = inputs.sources;
  const beginning = adapter === undefined ? undefined : await beginFrom(adapter, base);
  const length = runLength(draft, task.train.length);
  const { model } = writer;
  const method = completeMethod(await nameMethod(draft.method), {
    steps: length.steps,
    loaded: { base, model },
    beginning,
    weights,
  });
  const decoding = decodingOf(task, draft.decoding);
  const hasDecoder = writer.kind === "sequence-to-sequence";
  const bounds = { maxLength: model.config.maxLength, tokenizer, folder };
  const usual = Math.min(hasDecoder ? 768 : 512, model.config.maxLength);
  const target = lengths.targetLength ?? Math.min(64, model.config.maxLength);
  if (!hasDecoder && lengths.targetLength !== undefined) {
    throw new RangeError(
      "`model.targetLength` is of an encoder with a decoder: this model reads source and text as one",
    );
  }
  const spec = parseSpec({
    version: SPEC_VERSION,
    experiment,
    data: { source: inputs.sourceOf({ task: name }), hash: task.hash, examples: task.train.length },
    task: name,
    kind: writer.kind,
    metric: textMetricOf(task, decoding),
    split: decoding ? writtenSplit(task) : task.splits.dev ? "dev" : task.splits.test ? "test" : "none",
    checkpoint: "last",
    model: {
      ...reference,
      length: lengthOf(lengths.length ?? usual, bounds),
      ...hasDecoder && { targetLength: lengthOf(target, bounds) },
      ...dropout !== undefined && { dropout },
    },
    ...beginning && { adapter: { hash: beginning.hash } },
    method,
    optimizer: completeOptimizer(draft.optimizer, method.name, length.steps),
    ...labelSmoothing !== undefined && labelSmoothing > 0 && { labelSmoothing },
    ...decoding && { decoding },
    padding: "bucket",
    ...length,
    scoreBatchSize: 32,
    seed,
    packageVersion: PACKAGE_VERSION,
  });
  return { spec, task, writer, base, tokenizer, folder, config, method: makeMethod(spec, { beginning }), beginning };
}

/** Whether a run learns to write texts. */
export function isOfTexts(run: CompleteSpec | CompleteTextSpec): run is CompleteTextSpec {
  return "writer" in run;
}

/** The spec of a run of any kind of which a part is chosen. */
export async function completeRun(draft: RunDraft, inputs: Inputs): Promise<CompleteSpec | CompleteTextSpec> {
  return isTextTask(draft.task) ? await completeTextSpec(draft, inputs) : await completeSpec(draft, inputs);
}
