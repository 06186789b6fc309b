import { encode, type EncodedExamples, encodeSplits } from "../../../lib/data/mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { sizeOfName } from "../../suite/encoders.ts";
import { SUITE } from "../../suite/suite_folder.ts";
import { headsToTrain } from "../heads/head.ts";
import { beginFrom, type Beginning } from "../model/adapted.ts";
import { findModel, isOwnModel, type LoadedModel, type ModelSource, outputNames } from "../model/load_model.ts";
import {
  configModel,
  ownRunModel,
  type PretrainedModel,
  pretrainedModel,
  type RunModel,
  suiteModel,
} from "../model/run_model.ts";
import type { RunWriter } from "../model/text_writer.ts";
import { loadTaskOf } from "./own_task.ts";
import type { ReadTaskOptions } from "./raw_task.ts";
import { outputsOf, readTask, type TuningTask } from "./read_task.ts";
import { isSuiteData } from "./suite_data.ts";
import { type EncodeTextsRequest, encodeTextTask, type TextRunTask } from "./encode_texts.ts";
import { readTextTask, type TextTask } from "./text_task.ts";
import { INSTRUCTIONS, isTextKind } from "./text_names.ts";

/** Where the inputs of runs lie. */
export interface Sources extends ModelSource {
  /** A folder with GLUE's files, or a file with columns; `suite`, the generated tasks, by default, or `suite:N`. */
  readonly data?: string;
  /** A second file with columns, which is scored. */
  readonly evalData?: string;
  /** The folder of an adapter that runs begin from. */
  readonly adapter?: string;
}

/** A model of the hub, and its `config.json`. */
export interface KnownModel {
  readonly id: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** What {@linkcode RunSpec} says of what is learned. */
export interface TaskRequest extends Pick<RunSpec, "task"> {
  readonly data?: Pick<RunSpec["data"], "columns" | "labels" | "classes" | "module">;
  readonly model?: Pick<RunSpec["model"], "freshHead" | "weights">;
}

/** What {@linkcode RunSpec} says of how a task becomes token ids. */
export interface EncodeRequest extends TaskRequest, Pick<RunSpec, "padding" | "accumulate"> {
  readonly model: Pick<RunSpec["model"], "length" | "freshHead" | "weights">;
}

/** What {@linkcode RunSpec} says of how a classifier is made of a model's files. */
export interface LoadRequest extends Pick<RunSpec, "seed"> {
  readonly model?: Pick<RunSpec["model"], "freshHead" | "weights" | "dropout">;
}

/** A task as token ids. */
export interface RunTask {
  readonly task: TuningTask;
  /** What is trained on. */
  readonly train: EncodedExamples;
  /** To what batches of it are padded. */
  readonly padding: RunSpec["padding"];
  /** What is scored, by name. */
  readonly sets: Readonly<Record<string, EncodedExamples>>;
}

/** A task of any kind as token ids. */
export type AnyRunTask = RunTask | TextRunTask;

/** A model that writes texts, its `config.json`, and where it lies. */
export type TextModel =
  & RunModel
  & Required<Pick<RunModel, "tokenizer" | "config">>
  & {
    /** Its folder, or its name where it ships. */
    readonly folder: string;
  };

/** Whether a task is one whose answers are texts. */
export function isTextRun(task: AnyRunTask): task is TextRunTask {
  return isTextKind(task.task.kind);
}

/** What a name on the hub, or a folder, is called in specs: the same on machines where it lies elsewhere. */
function modelName(source: string): string {
  return /^[./~]/.test(source) || source.split("/").length !== 2
    ? source.replace(/\/+$/, "").split("/").at(-1)!
    : source;
}

/** Whether a model has files of its own. */
const isPretrained = (model: RunModel): model is PretrainedModel => "files" in model;

/** Values by a key, each made once. */
class Once<T> {
  readonly #known = new Map<string, Promise<T>>();

  get(key: unknown, make: () => Promise<T>): Promise<T> {
    const text = JSON.stringify(key);
    const known = this.#known.get(text) ?? make();
    this.#known.set(text, known);
    return known;
  }
}

/** Models and data of runs: each is read once. */
export class Inputs {
  readonly #models = new Once<RunModel>();
  readonly #tasks = new Once<TuningTask>();
  readonly #encoded = new Once<RunTask>();
  readonly #texts = new Once<TextTask>();
  readonly #encodedTexts = new Once<TextRunTask>();

  readonly sources: Sources;

  /** `known` is a model of the hub whose config stands in for its files where they are not at hand: for plans. */
  constructor(sources: Sources = {}, readonly known?: KnownModel) {
    this.sources = sources.data === SUITE ? { ...sources, data: undefined } : sources;
  }

  /** Whether data can be read. */
  get hasData(): boolean {
    return this.sources.data !== undefined || !this.known;
  }

  /** Whether the data of a run can be read: those of a task of one's own can. */
  hasDataOf({ data }: Pick<TaskRequest, "data">): boolean {
    return this.hasData || data?.module !== undefined;
  }

  /** Whether data are the generated texts. */
  get isSuite(): boolean {
    return isSuiteData(this.sources.data);
  }

  /** What data come from, as specs call it. */
  sourceOf({ task, data }: TaskRequest): RunSpec["data"]["source"] {
    if (task === INSTRUCTIONS) return "instructions";
    return data?.module ? "module" : data?.columns ? "files" : this.isSuite ? "suite" : "folder";
  }

  /** The model, its matrices kept as they are asked for. Throws where its files are missing or wrong. */
  model(weights?: "f16"): Promise<RunModel> {
    return this.#models.get(weights, () => this.#readModel(weights));
  }

  async #readModel(weights?: "f16"): Promise<RunModel> {
    const { known, sources } = this;
    const { model = known?.id, revision } = sources;
    const size = model === undefined ? "small" : sizeOfName(model);
    if (model === undefined || size) return await suiteModel(size ?? "small");
    if (isOwnModel(model)) return await ownRunModel(model, { weights, revision });
    try {
      const folder = await findModel({ ...sources, model, offline: sources.offline || known !== undefined });
      const { reference, ...found } = await pretrainedModel(modelName(model), folder, weights);
      return { ...found, reference: { ...reference, ...revision !== undefined && { revision } } };
    } catch (error) {
      if (known?.id !== model || !(error instanceof Deno.errors.NotFound)) throw error;
      return configModel(model, known.config);
    }
  }

  /** The model as one with files of its own, as `suite` has by that name. Throws where it is the suite's encoder, or only a config is known. */
  async pretrained(weights?: "f16"): Promise<PretrainedModel> {
    const model = await this.model(weights);
    if (!isPretrained(model)) throw new Error(`internal: ${model.reference.name} has no files of its own`);
    return model;
  }

  /**
   * A task, its classes in the order of the head that stays; one for other classes gives way to a new one, always unless
   * `mayBeFresh` says otherwise. Throws where a file or a row is wrong.
   */
  task(request: TaskRequest, mayBeFresh: ReadTaskOptions["mayBeFresh"] = "always"): Promise<TuningTask> {
    const { task, data: { columns, labels, classes, module } = {}, model: { freshHead, weights } = {} } = request;
    return this.#tasks.get([task, columns, labels, classes, module, freshHead], async () => {
      await loadTaskOf(request);
      const model = await this.model(weights);
      const { data = SUITE, evalData, adapter } = this.sources;
      const heads = isPretrained(model)
        ? await headsToTrain(model.place ?? model.folder, { adapter, isFresh: freshHead, classes })
        : [];
      const source = { data, evalData, columns, labels, classes };
      const encoder = sizeOfName(model.reference.name);
      const named = columns ? source : { ...source, task: module?.path ?? task, encoder };
      return await readTask(named, { heads, mayBeFresh });
    });
  }

  /** A task as token ids of the model. */
  encoded(request: EncodeRequest): Promise<RunTask> {
    const { task, data, model: { length, freshHead, weights }, padding, accumulate = 1 } = request;
    return this.#encoded.get([task, data, freshHead, length, padding, accumulate > 1], async () => {
      const own = await this.task(request);
      const { tokenizer, reference } = await this.model(weights);
      if (!tokenizer) {
        throw new Error(`internal: tokens are asked of ${reference.name}, of which only a config is known`);
      }
      const options = { kind: own.kind, maxLength: length };
      const encodeEach = (sets: TuningTask["sets"]) =>
        Object.fromEntries(
          Object.entries(sets).map(([name, examples]) => [name, encode(examples, tokenizer, options)]),
        );
      if (padding === undefined) {
        const { dev, ...others } = own.sets;
        const { train, ...sets } = encodeSplits({ train: own.train, ...dev && { dev } }, tokenizer, options);
        return { task: own, train, padding, sets: { ...sets, ...encodeEach(others) } };
      }
      // Parts of a step have one shape: else each mixture of lengths would have a plan of its own.
      const isLazy = accumulate === 1;
      const train = encode(own.train, tokenizer, { ...options, isLazy });
      return { task: own, train, padding: isLazy ? padding : undefined, sets: encodeEach(own.sets) };
    });
  }

  /** A task whose answers are texts. Throws where a file or a row is wrong. */
  textTask(task: string): Promise<TextTask> {
    return this.#texts.get(task, async () => {
      const { data = SUITE, evalData } = this.sources;
      return await readTextTask(task, { data, evalData });
    });
  }

  /** The model as one that writes texts. Throws a RangeError where it is another one. */
  async writer({ weights, dropout }: Pick<RunSpec["model"], "weights" | "dropout"> = {}): Promise<RunWriter> {
    const { reference: { name }, writer } = await this.model(weights);
    if (writer) return writer({ dropout });
    throw new RangeError(
      `${name} writes no texts: \`model.name\` is to be a causal model, or an encoder with a decoder`,
    );
  }

  /** A task whose answers are texts as token ids of the model. */
  encodedTexts(
    request: EncodeTextsRequest & Pick<RunSpec, "task"> & { readonly model: Pick<RunSpec["model"], "weights"> },
  ): Promise<TextRunTask> {
    const { task, padding, decoding, model: { length, targetLength, weights } } = request;
    return this.#encodedTexts.get([task, padding, decoding, length, targetLength, weights], async () => {
      const { tokenizer, reference } = await this.model(weights);
      if (!tokenizer) throw new Error(`internal: tokens are asked of ${reference.name}, which has no tokenizer`);
      return await encodeTextTask(
        await this.textTask(task),
        { tokenizer, writer: await this.writer({ weights }) },
        request,
      );
    });
  }

  /** A model that writes texts, with where it lies. Throws where its files are missing or wrong. */
  async textModel(weights?: "f16"): Promise<TextModel> {
    const model = await this.model(weights);
    const { tokenizer, config, reference: { name } } = model;
    if (tokenizer && config) return { ...model, tokenizer, config, folder: isPretrained(model) ? model.folder : name };
    throw new RangeError(
      `${name} writes no texts: \`model.name\` is to be a causal model, or an encoder with a decoder`,
    );
  }

  /** The task of a run of any kind as token ids. */
  encodedRun(spec: RunSpec): Promise<AnyRunTask> {
    return isTextKind(spec.kind) ? this.encodedTexts(spec) : this.encoded(spec);
  }

  /** What the adapter in the sources brings to a run of any kind; `undefined` where there is none. */
  async beginningOf(spec: RunSpec, { task }: AnyRunTask): Promise<Beginning | undefined> {
    if ("labels" in task) return await this.beginning(spec, task);
    const { adapter } = this.sources;
    if (adapter === undefined) return undefined;
    return await beginFrom(adapter, (await this.writer(spec.model)).params());
  }

  /** A task's classifier, as the model's files have it. Throws where it is the suite's encoder, which has none. */
  async loaded(
    { model: { freshHead, weights, dropout } = {}, seed }: LoadRequest,
    task: TuningTask,
  ): Promise<LoadedModel> {
    const { files } = await this.pretrained(weights);
    return files.load({ labels: outputsOf(task), isFresh: freshHead || !task.usesHead, dropout, seed });
  }

  /** What the adapter in the sources brings to a task's classifier; `undefined` where there is none. */
  async beginning(request: LoadRequest, task: TuningTask): Promise<Beginning | undefined> {
    const { adapter } = this.sources;
    if (adapter === undefined) return undefined;
    const { base, model } = await this.loaded(request, task);
    return await beginFrom(adapter, base, { without: request.model?.freshHead ? outputNames(model) : [] });
  }
}
