import type { MetricName } from "./tasks.ts";

/**
 * A metric of one's own: what predictions are worth beside labels, the higher the better. Both are scores, or numbers of
 * classes in the task's own order, where −1 is a class that the model has and the task has not. In tables it has the
 * function's name.
 */
export type MetricFunction = (predictions: readonly number[], labels: readonly number[]) => number;

/** The names of an example's fields. */
export interface TaskFields {
  /** Name of the field with the text, or the first of two. */
  readonly text: string;
  /** Name of the field with the second text, for tasks on pairs. */
  readonly text2?: string;
  /** Name of the field with the class or the score. */
  readonly label: string;
}

/** An example as a plain object: texts and a label under the names of a task's fields, whatever else it has. */
export type TaskExample = Readonly<Record<string, unknown>>;

/** Examples to train on, and examples to score: lists, or what gives them one by one. */
export interface TaskSplits {
  /** Examples to train on, in an order of their own. */
  readonly train: Iterable<TaskExample> | AsyncIterable<TaskExample>;
  /** Examples that are scored, and never trained on. */
  readonly dev: Iterable<TaskExample> | AsyncIterable<TaskExample>;
}

/** A task of one's own: what is learned, how answers are scored, and where its examples come from. */
export interface TaskDescription {
  /** The name in specs and tables: lower case, with dashes. */
  readonly name: string;
  /** Whether an example has one of several classes, or a score. */
  readonly kind: "classification" | "regression";
  /** Names of a classification's classes, in the order of their numbers. Labels are these names, or such numbers. */
  readonly classes?: readonly string[];
  /** What answers are scored by, the first in tables: names of {@linkcode MetricName}, or functions of one's own. */
  readonly metrics: readonly (MetricName | MetricFunction)[];
  /** What an example's parts are called. */
  readonly fields: TaskFields;
  /** Gives the examples, the same whenever it is called. */
  load(): TaskSplits | Promise<TaskSplits>;
}

/** What {@linkcode defineTask} takes for a task: a description that may leave out the names of fields. */
export interface TaskDefinition extends Omit<TaskDescription, "fields"> {
  /** What an example's parts are called; `text` and `label` by default. */
  readonly fields?: Partial<TaskFields>;
}

/**
 * A task's description with all that it leaves out. A module that exports one as `task` is a task of the commands:
 * `deno task train --task ./my_task.ts`. They check the description and every example, and learn scores of a regression
 * as they are.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const task = data.defineTask({
 *   name: "greetings",
 *   kind: "classification",
 *   classes: ["other", "greeting"],
 *   metrics: ["accuracy", "f1"],
 *   load: () => ({
 *     train: [{ text: "good morning", label: "greeting" }, { text: "the dog runs", label: "other" }],
 *     dev: [{ text: "good evening", label: "greeting" }],
 *   }),
 * });
 * console.log(task.fields); // { text: "text", label: "label" }
 * ```
 */
export function defineTask(definition: TaskDefinition): TaskDescription {
  return { ...definition, fields: { text: "text", label: "label", ...definition.fields } };
}
