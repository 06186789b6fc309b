import {
  type EncodedTask,
  encodeTask,
  type Example,
  type GlueData,
  type GlueTaskName,
  readGlueFiles,
  readGlueTask,
} from "../../../lib/data/mod.ts";
import type { RunSpec } from "../../../lib/experiment/mod.ts";
import { generateSuite, SUITE_SEED } from "../../suite/mod.ts";
import { SUITE } from "../../suite/suite_folder.ts";
import { findModel } from "../model/load_model.ts";
import { configModel, pretrainedModel, type RunModel, suiteModel } from "../model/run_model.ts";

/** Where the inputs of runs lie. */
export interface Sources {
  /** A folder with GLUE's files; `suite`, the generated one, by default. */
  readonly data?: string;
  /** A folder in Hugging Face's layout or a name on the hub; `suite`, the suite's encoder, by default. */
  readonly model?: string;
  /** Branch, tag or commit of the hub. */
  readonly revision?: string;
  /** Uses what is in the hub's cache alone. */
  readonly offline?: boolean;
}

/** A model of the hub, and its `config.json`. */
export interface KnownModel {
  readonly id: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** A task as token ids. */
export interface RunTask {
  readonly data: GlueData;
  readonly encoded: EncodedTask;
  /** MNLI's mismatched examples in place of `dev`. */
  readonly mismatched?: EncodedTask;
}

/** How a task is encoded: what {@linkcode RunSpec} says of it. */
export interface EncodeRunOptions {
  /** Most tokens of an example. */
  readonly length: number;
  /** Batches have the length of a bucket: then examples are encoded when they are first asked for. */
  readonly padding?: RunSpec["padding"];
}

/** What a name on the hub, or a folder, is called in specs: the same on machines where it lies elsewhere. */
function modelName(source: string): string {
  return /^[./~]/.test(source) || source.split("/").length !== 2
    ? source.replace(/\/+$/, "").split("/").at(-1)!
    : source;
}

/** Models and data of runs: each is read once. */
export class Inputs {
  #model: Promise<RunModel> | undefined;
  readonly #data = new Map<string, Promise<GlueData>>();
  readonly #tasks = new Map<string, Promise<RunTask>>();
  #files: ReadonlyMap<string, string> | undefined;

  readonly sources: Sources;

  /** `known` is a model of the hub whose config stands in for its files where they are not at hand: for plans. */
  constructor(sources: Sources = {}, readonly known?: KnownModel) {
    this.sources = sources.data === SUITE ? { ...sources, data: undefined } : sources;
  }

  /** Whether data can be read. */
  get hasData(): boolean {
    return this.sources.data !== undefined || !this.known;
  }

  /** What data come from, as specs call it. */
  get dataSource(): RunSpec["data"]["source"] {
    return this.sources.data === undefined ? "suite" : "folder";
  }

  /** The model. Throws where its files are missing or wrong. */
  model(): Promise<RunModel> {
    return this.#model ??= this.#readModel();
  }

  async #readModel(): Promise<RunModel> {
    const { known, sources } = this;
    const { model = known?.id } = sources;
    if (model === undefined || model === SUITE) return await suiteModel();
    try {
      const folder = await findModel({ ...sources, model, offline: sources.offline || known !== undefined });
      return await pretrainedModel(modelName(model), folder);
    } catch (error) {
      if (known?.id !== model || !(error instanceof Deno.errors.NotFound)) throw error;
      return configModel(model, known.config);
    }
  }

  /** Examples of a task. Throws where a file or a row is wrong. */
  data(task: GlueTaskName): Promise<GlueData> {
    let data = this.#data.get(task);
    if (!data) this.#data.set(task, data = this.#readData(task));
    return data;
  }

  async #readData(task: GlueTaskName): Promise<GlueData> {
    const { data } = this.sources;
    if (data !== undefined) return await readGlueTask(data, task);
    this.#files ??= generateSuite(SUITE_SEED);
    return await readGlueFiles(this.#files, task);
  }

  /** A task as token ids of the model. */
  task(name: GlueTaskName, options: EncodeRunOptions): Promise<RunTask> {
    const key = JSON.stringify([name, options.length, options.padding]);
    let task = this.#tasks.get(key);
    if (!task) this.#tasks.set(key, task = this.#encode(name, options));
    return task;
  }

  async #encode(name: GlueTaskName, { length, padding }: EncodeRunOptions): Promise<RunTask> {
    const data = await this.data(name);
    const { tokenizer, reference } = await this.model();
    if (!tokenizer) throw new Error(`internal: tokens are asked of ${reference.name}, of which only a config is known`);
    const options = { maxLength: length, isLazy: padding === "bucket" };
    const encoded = encodeTask(data, tokenizer, options);
    if (!data.mismatched) return { data, encoded };
    const only = (dev: readonly Example[]) => encodeTask({ task: data.task, train: [], dev }, tokenizer, options);
    return { data, encoded, mismatched: only(data.mismatched) };
  }
}
