import type { data } from "../../../mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { type Example, GLUE_TASKS, type MetricFunction, type TaskExample } from "../../../lib/data/mod.ts";
import type { PlacedRow } from "../../../lib/data/table/read_rows.ts";
import { sha256 } from "../../../lib/io/sha256.ts";
import { isObject } from "../../../lib/text/is_object.ts";
import { messageOf } from "../../../lib/text/message_of.ts";
import { type Own, OwnByName } from "../../recipes/own.ts";
import { numberOf } from "../../../lib/data/table/cells.ts";
import type { LabelSet } from "../heads/label_set.ts";
import { isProbe } from "../../suite/probes.ts";
import { isModulePath, OwnModules } from "../own_module.ts";
import type { RawTask } from "./raw_task.ts";
import { examplesOf } from "./read_table.ts";

/** A task of a module of one's own. */
export type OwnTask = Own<data.TaskDescription>;

/** Metrics by name that score answers of each kind. */
const METRICS: Readonly<Record<data.TaskDescription["kind"], readonly unknown[]>> = {
  classification: ["accuracy", "f1", "matthewsCorrelation"],
  regression: ["pearson", "spearman"],
};

const isText = (value: unknown): value is string => typeof value === "string" && value.trim() !== "";

/** What is lacking of a classification's classes. */
function lackOfClasses(classes: unknown): string | undefined {
  if (!Array.isArray(classes) || classes.length < 2 || !classes.every(isText)) {
    return "its `classes` are no list of two names or more";
  }
  return new Set(classes).size < classes.length ? "its `classes` have a name twice" : undefined;
}

/** What is lacking of the metrics of a task of such a kind. */
function lackOfMetrics(metrics: unknown, kind: data.TaskDescription["kind"], classes: unknown): string | undefined {
  if (!Array.isArray(metrics) || metrics.length === 0) return "its `metrics` are no list of one or more";
  const known = METRICS[kind].join(", ");
  const wrong = metrics.find((one) => typeof one !== "function" && !METRICS[kind].includes(one));
  if (wrong !== undefined) return `its metric ${wrong} is none of a ${kind}: ${known}, or a function`;
  const nameless = metrics.some((one) => typeof one === "function" && !/^\w+$/.test(one.name));
  if (nameless) return "one of its `metrics` is a function without a name, which tables need";
  if (metrics.includes("f1") && Array.isArray(classes) && classes.length !== 2) {
    return `its metric f1 is of two classes, not of ${classes.length}`;
  }
  return new Set(metrics.map(metricName)).size < metrics.length ? "its `metrics` have a name twice" : undefined;
}

/** What an object lacks to be a task; nothing where it is one. */
function lackOf({ kind, classes, metrics, fields, load }: Readonly<Record<string, unknown>>): string | undefined {
  if (kind !== "classification" && kind !== "regression") return "its `kind` is neither classification nor regression";
  const ofClasses = kind === "classification" ? lackOfClasses(classes) : undefined;
  if (ofClasses !== undefined) return ofClasses;
  if (kind === "regression" && classes !== undefined) return "it has `classes`, which are nothing of a regression";
  const ofMetrics = lackOfMetrics(metrics, kind, classes);
  if (ofMetrics !== undefined) return ofMetrics;
  if (!isObject(fields) || !isText(fields.text) || !isText(fields.label)) {
    return "its `fields` do not say what `text` and `label` are called, as defineTask does";
  }
  const names = [fields.text, ...fields.text2 === undefined ? [] : [fields.text2], fields.label];
  if (!names.every(isText) || new Set(names).size < names.length) return "its `fields` are not each another name";
  return typeof load === "function" ? undefined : "it has no function `load`";
}

const known: OwnByName<data.TaskDescription> = new OwnByName(
  "task",
  (name) => Object.hasOwn(GLUE_TASKS, name) || isProbe(name) || name === "columns",
);

const modules = new OwnModules<data.TaskDescription>({
  known,
  lackOf,
  form: "It must export one: export const task = data.defineTask({ name, kind, classes, metrics, load })",
});

/** The name of a metric, which may be a function. */
function metricName(metric: string | MetricFunction): string {
  return typeof metric === "string" ? metric : metric.name;
}

/** The metric of a task that tables show. */
export function mainMetricOf({ description: { metrics: [first] } }: OwnTask): string {
  return metricName(first);
}

/** Loads the task that a module of one's own exports as `task`. Throws as {@linkcode OwnModules.load}. */
export async function loadTask(path: string): Promise<OwnTask> {
  return await modules.load(path);
}

/** Loads the task of a spec, where that is one's own; `undefined` where not. Throws as {@linkcode OwnModules.loadAs}. */
export async function loadTaskOf(
  { task: name, data }: Pick<RunSpec, "task"> & { readonly data?: Pick<RunSpec["data"], "module"> },
): Promise<OwnTask | undefined> {
  const { module } = data ?? {};
  return module && await modules.loadAs({ name, module: module.path, source: module.hash });
}

/** A task as specs have it: its name, and the module of one's own that it is from. */
export interface NamedTask {
  readonly task: string;
  readonly module?: RunSpec["data"]["module"];
}

/** A task as a person chose it, by its name or by the path of a module, which is loaded. Throws as {@linkcode loadTask}. */
export async function nameTask(chosen: string): Promise<NamedTask> {
  if (!isModulePath(chosen)) return { task: chosen };
  const { description, module: path, source: hash } = await loadTask(chosen);
  return { task: description.name, module: { path, hash } };
}

/** Tasks of a list, by name, with those of one's own by the paths of their modules; see {@linkcode OwnModules.list}. */
export async function taskList(text: string, names: readonly string[]): Promise<string[]> {
  return await modules.list(text, names);
}

/** A task of one's own that was loaded, by its name; `undefined` where there is none. */
export function ownTaskNamed(name: string): OwnTask | undefined {
  return known.get(name);
}

/** The rows of a split. A class may be given by its number where that is no class's name. */
function rowsOf(
  examples: readonly TaskExample[],
  { columns, where, labels }: {
    readonly columns: readonly string[];
    readonly where: (row: number) => string;
    readonly labels: readonly string[];
  },
): PlacedRow[] {
  const areNumbers = labels.some((label) => numberOf(label) !== undefined);
  const last = columns.length - 1;
  return examples.map((example, i) => {
    if (!isObject(example)) throw new SyntaxError(`Cannot read ${where(i)} as it is no object`);
    const cells = columns.map((column) => example[column]);
    const label = cells[last];
    if (typeof label === "number" && !areNumbers) cells[last] = labels[label] ?? label;
    return { cells, where: where(i) };
  });
}

/** All examples of a split. Throws a TypeError where it is no list, or an empty one. */
async function listOf(splits: Readonly<Record<string, unknown>>, name: string): Promise<TaskExample[]> {
  const split = splits[name];
  if (typeof split !== "object" || split === null || !(Symbol.iterator in split || Symbol.asyncIterator in split)) {
    throw new TypeError(`its \`${name}\` is no list`);
  }
  // It gives its examples one by one, as was just seen; what each of them is comes later.
  const list = await Array.fromAsync(split as AsyncIterable<TaskExample>);
  if (list.length === 0) throw new TypeError(`its \`${name}\` is empty`);
  return list;
}

/** The splits that a task's `load` gives. Throws an Error that names the module where it fails, or a split is no list. */
async function splitsOf({ description, module }: OwnTask): Promise<Record<"train" | "dev", TaskExample[]>> {
  try {
    const loaded: unknown = await description.load();
    if (!isObject(loaded)) throw new TypeError("its `load` gives no object with `train` and `dev`");
    return { train: await listOf(loaded, "train"), dev: await listOf(loaded, "dev") };
  } catch (error) {
    throw new Error(`cannot load the examples of ${module}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * The examples of a task of one's own, checked as rows of a table are.
 *
 * Throws an Error where they cannot be loaded, and a SyntaxError that names the example, from 0, where one is wrong.
 */
export async function ownTask(own: OwnTask): Promise<RawTask> {
  const { description: { name, kind, classes = [], metrics, fields }, module } = own;
  const columns = [fields.text, ...fields.text2 === undefined ? [] : [fields.text2], fields.label];
  const set: LabelSet = { kind: kind === "regression" ? kind : "classes", labels: classes };
  const splits = await splitsOf(own);
  const read = (split: "train" | "dev") => {
    const where = (row: number) => `${module}, example ${row} of ${split},`;
    return examplesOf(rowsOf(splits[split], { columns, where, labels: classes }), { columns, set });
  };
  const [train, dev] = [read("train"), read("dev")];
  const examples: Readonly<Record<string, readonly Example[]>> = { train: train.examples, dev: dev.examples };
  const functions = metrics.filter((metric) => typeof metric === "function");
  return {
    name,
    ...set,
    metrics: metrics.map(metricName),
    ...functions.length > 0 && { scorers: Object.fromEntries(functions.map((one) => [one.name, one])) },
    train: train.examples,
    sets: { dev: dev.examples },
    source: module,
    hash: await sha256(JSON.stringify([name, set, examples])),
    words: classes.map((label) => [label]),
    ownOrder: `in the order of ${module}`,
    firstAt: new Map([...dev.firstAt, ...train.firstAt]),
  };
}
