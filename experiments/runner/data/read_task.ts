import type { Example } from "../../../lib/data/mod.ts";
import { sha256 } from "../../../lib/io/sha256.ts";
import { type Head, list } from "../heads/head.ts";
import { type LabelSet, sortedLabels } from "../heads/label_set.ts";
import { type ClassMatch, matchClasses, placeOf } from "../heads/match_classes.ts";
import { isProbe } from "../../suite/probes.ts";
import { isModulePath } from "../own_module.ts";
import { loadTask, ownTask } from "./own_task.ts";
import { isTextTask } from "./text_names.ts";
import { probeTask } from "./probe_task.ts";
import { columnTask, glueTask, metricsOf, type RawTask, type ReadTaskOptions, type TaskSource } from "./raw_task.ts";
import { plural } from "../../../lib/text/plural.ts";

/** What a model is tuned for: examples with labels, and how answers are scored. */
export interface TuningTask extends Omit<RawTask, "words" | "ownOrder" | "firstAt"> {
  /** Number of the class that F1 is of, where there are two. */
  readonly positive: number;
  /** Where the order of the classes comes from, in words. */
  readonly order: string;
  /** Whether a head that is there answers. */
  readonly usesHead: boolean;
  /** Heads that are there, but for other classes, in words: one is made afresh in their place. */
  readonly unfit: readonly string[];
}

/** How many outputs a model of a task has. */
export function outputsOf({ kind, labels }: LabelSet): number {
  return kind === "regression" ? 1 : labels.length;
}

/** The same examples with the numbers that another table gives its classes. */
function renumber(examples: readonly Example[], order: readonly number[]): readonly Example[] {
  if (order.every((number, i) => number === i)) return examples;
  return examples.map((example) => ({ ...example, label: order[example.label] }));
}

/** A head and data that are not for each other, in words. */
export function difference(head: Head, raw: RawTask): string {
  const own = head.kind === "regression"
    ? "a head of one score"
    : `a head of ${head.outputs} classes, ${list(head.labels)} by ${head.source}`;
  const words = raw.words.map(([word, ...others]) => [word, ...others].join("/"));
  const found = raw.kind === "regression"
    ? `scores in ${raw.source}`
    : `${plural(words.length, "label")} in ${raw.source}: ${list(words)}`;
  // Where some are the head's, those that are not may be faults of their rows.
  const strange = raw.words.filter((words) => placeOf(words, head.labels) < 0);
  const word = strange.length < words.length ? strange[0]?.[0] : undefined;
  const place = word === undefined ? undefined : raw.firstAt?.get(word);
  const first = place === undefined ? "" : ` (${place} has "${word}")`;
  return `${head.owner} has ${own}, and there ${words.length === 1 ? "is" : "are"} ${found}${first}`;
}

/** What may be done where a head and data are not for each other. */
function curesOf(head: Head, raw: RawTask, mayBeFresh: ReadTaskOptions["mayBeFresh"]): string[] {
  const cures: string[] = [];
  if (head.kind !== raw.kind) {
    const kind = head.kind === "regression" ? "scores" : "classes";
    if (raw.name === "columns") cures.push(`\`data.labels\` ${kind} reads them as what the head gives`);
  } else if (raw.words.length > head.outputs) {
    cures.push("rows with labels that the head has not are to be left out");
  } else {
    cures.push("`data.classes` A,B,… says what the head's classes are called in the data, in its order");
  }
  if (mayBeFresh) cures.push("`model.freshHead` begins with a new head for these labels");
  return cures;
}

/** The head that data fit, and how they do. Throws a RangeError where none does that has names, or none may be made afresh. */
function fit(raw: RawTask, { heads = [], mayBeFresh }: ReadTaskOptions) {
  const unfit: string[] = [];
  for (const head of heads) {
    const match = raw.kind !== head.kind
      ? undefined
      : raw.kind === "classes"
      ? matchClasses(raw.words, head)
      : { labels: [], order: [], by: "word" as const };
    if (match) return { head, match, unfit };
    unfit.push(difference(head, raw));
    if (mayBeFresh === "always" || mayBeFresh && !head.isNamed) continue;
    throw new RangeError([unfit.at(-1), ...curesOf(head, raw, mayBeFresh)].join("; "));
  }
  return { unfit };
}

/** Where a head's order comes from, in words. */
function orderOf({ by }: ClassMatch, { source, owner }: Head, { ownOrder }: RawTask): string {
  if (by === "word") return `in the order of ${source}`;
  if (by === "number") return "each by its number, which the data have in place of its name";
  return `${ownOrder}, the data's own, as ${owner} has but numbers for its classes`;
}

/** Metrics of one's own, which know classes by the numbers that the data give them and not by a head's. */
function inOwnOrder(scorers: RawTask["scorers"], order: readonly number[]): RawTask["scorers"] {
  const numbers = new Map(order.map((number, own) => [number, own]));
  const own = (classes: readonly number[]) => classes.map((number) => numbers.get(number) ?? -1);
  return Object.fromEntries(
    Object.entries(scorers ?? {}).map(([name, metric]) => [
      name,
      (predictions: readonly number[], labels: readonly number[]) => metric(own(predictions), own(labels)),
    ]),
  );
}

/** Data with the numbers that a head's classes have. */
async function numbered(raw: RawTask, options: ReadTaskOptions = {}): Promise<TuningTask> {
  const { words: _, ownOrder, firstAt: __, ...task } = raw;
  const { head, match, unfit } = fit(raw, options);
  // F1 is of the class that is the second of the data's own two.
  if (!match) return { ...task, positive: 1, order: ownOrder, usesHead: false, unfit };
  const { labels, order } = match;
  const isSame = labels.join("\n") === raw.labels.join("\n");
  const set = { kind: raw.kind, labels };
  return {
    ...task,
    ...set,
    metrics: raw.name === "columns" ? metricsOf(set) : raw.metrics,
    ...raw.scorers && raw.kind === "classes" && { scorers: inOwnOrder(raw.scorers, order) },
    positive: order[1] ?? labels.indexOf(sortedLabels(labels)[1]),
    train: renumber(raw.train, order),
    sets: Object.fromEntries(Object.entries(raw.sets).map(([name, examples]) => [name, renumber(examples, order)])),
    order: orderOf(match, head, raw),
    usesHead: true,
    unfit,
    hash: isSame ? raw.hash : await sha256(JSON.stringify([raw.hash, labels, order])),
  };
}

/**
 * Reads a task. Its classes have the names and numbers of the head that stays.
 *
 * Throws a RangeError where the data's labels are not the head's, and what reading throws.
 */
export async function readTask(source: TaskSource, options: ReadTaskOptions = {}): Promise<TuningTask> {
  const { task, data, columns, encoder } = source;
  if (isTextTask(task)) throw new RangeError(`the answers of ${task} are texts, and a classifier gives none`);
  if (task !== undefined && isModulePath(task)) return await numbered(await ownTask(await loadTask(task)), options);
  if (task !== undefined && isProbe(task)) return await numbered(await probeTask(task, encoder));
  if (data !== undefined && task !== undefined) return await numbered(await glueTask(task, data), options);
  if (data !== undefined && columns) {
    return await numbered(await columnTask({ ...source, data, columns }, options), options);
  }
  throw new RangeError(
    "cannot read a task as there must be `data.file`, and `task` or `data.columns` to say what is in it",
  );
}
