import {
  type Example,
  GLUE_TASKS,
  type GlueData,
  type GlueTask,
  type MetricName,
  readGlueFiles,
  readGlueTask,
} from "../../../lib/data/mod.ts";
import { requireName } from "../../../lib/text/nearest.ts";
import { sha256 } from "../../../lib/io/sha256.ts";
import { generateSuite, SUITE_SEED } from "../../suite/mod.ts";
import { SUITE } from "../../suite/suite_folder.ts";
import { type Head, list } from "../heads/head.ts";
import { LABEL_KINDS, type LabelKind, type LabelSet } from "../heads/label_set.ts";
import { matchClasses } from "../heads/match_classes.ts";
import { readTable, type ReadTableOptions, type Table } from "./read_table.ts";

/** Flags that name a task. */
export interface TaskFlags {
  readonly task?: string;
  readonly data?: string;
  readonly "eval-data"?: string;
  readonly columns?: string;
  readonly kind?: string;
  readonly classes?: string;
}

/** What {@linkcode TaskFlags} mean, for help texts. */
export const TASK_HELP = `  --task NAME        one of GLUE's: ${Object.keys(GLUE_TASKS).join(", ")}
  --data DIR|suite   GLUE's own folders (CoLA/train.tsv, plain or .gz …) or Parquet; suite for the generated texts that
                     ship with the project
  --columns A,B,C    in place of --task: the columns of text, perhaps a second text, and label in a file of your own,
                     TSV or CSV with a first line of names, JSON lines (.jsonl) or Parquet, plain or .gz; one shard of
                     several (train-00000-of-00002.parquet) stands for all. Labels are what the model's head has. Else
                     they are scores where all are numbers and one at least is not whole, or classes, sorted by number
                     or alphabet; 1 and 1.0 are one class
  --kind classes|scores
                     with --columns: what labels are, whatever they look like; scores for ratings in whole numbers.
                     Without it words among numbers, N/A and the like, and more than 20 classes with hardly two rows
                     each are refused
  --classes A,B,…    what the head's classes are called in the data, in the head's order, in place of id2label of
                     config.json or labels.json`;

/** Examples whose classes have the numbers that the data give them. */
export interface RawTask extends LabelSet {
  /** One of GLUE's, or `columns`. */
  readonly name: string;
  readonly metrics: readonly MetricName[];
  /** What is trained on; empty where only scores are asked for. */
  readonly train: readonly Example[];
  /** What answers are scored on, by name: `dev`, and MNLI's `mismatched`. */
  readonly sets: Readonly<Record<string, readonly Example[]>>;
  /** Where the examples come from, in words. */
  readonly source: string;
  /** Names of the files of a folder that were read. */
  readonly files?: readonly string[];
  /** Hex sha-256 of all examples. */
  readonly hash: string;
  /** Words that mean each class; the data's own first. */
  readonly words: readonly (readonly string[])[];
  /** In what order the data's own classes are, in words. */
  readonly ownOrder: string;
  /** Where each class first stands in a table, as `file.tsv:3`. */
  readonly firstAt?: ReadonlyMap<string, string>;
}

/** Whose classes the data's are to be. */
export interface ReadTaskOptions {
  /** The one file of columns holds what is scored. */
  readonly isScored?: boolean;
  /** Heads that may stay, the one that comes first before others: an adapter's, a model's. */
  readonly heads?: readonly Head[];
  /** Whether data for other classes than a head without names has get a new one; else they are refused. */
  readonly mayBeFresh?: boolean;
}

/** Words that mean each class of one of GLUE's tasks: those of its files, and Hugging Face's. */
export function wordsOf({ labels, classNames }: GlueTask): string[][] {
  return labels.map((label, i) => classNames ? [label, classNames[i]] : [label]);
}

/** One of GLUE's tasks, from a folder or as it is generated. */
export async function glueTask(name: string, folder: string | undefined): Promise<RawTask> {
  const known = requireName("task", name, Object.keys(GLUE_TASKS) as (keyof typeof GLUE_TASKS)[]);
  if (folder === undefined) {
    throw new RangeError(
      `--task ${name} needs its data: --data DIR, a folder with GLUE's files, or --data suite for generated texts`,
    );
  }
  const data = folder === SUITE
    ? await readGlueFiles(generateSuite(SUITE_SEED), known)
    : await readGlueTask(folder, known);
  return rawGlueTask(data, folder);
}

/** One of GLUE's tasks as it was read from a folder, or generated. */
export function rawGlueTask(data: GlueData, folder: string): RawTask {
  const isSuite = folder === SUITE;
  const { name, kind, labels, metrics } = data.task;
  const sets = { dev: data.dev, ...data.mismatched && { mismatched: data.mismatched } };
  const source = isSuite ? `generated texts of the suite (${name})` : `${data.task.folder} in ${folder}`;
  const ownOrder = "in GLUE's order";
  const within = (file: string) => file.slice(folder.replace(/(?<=.)\/+$/, "").length + 1);
  return {
    name,
    kind,
    labels,
    metrics,
    train: data.train,
    sets,
    hash: data.hash,
    words: wordsOf(data.task),
    source,
    ...!isSuite && { files: data.files.map(within) },
    ownOrder,
  };
}

/** Scores of a task of one's own. */
export function metricsOf({ kind, labels }: LabelSet): MetricName[] {
  if (kind === "regression") return ["pearson", "spearman"];
  return labels.length === 2 ? ["accuracy", "f1", "matthewsCorrelation"] : ["accuracy"];
}

function columnNames(columns: string): string[] {
  const names = columns.split(",").map((name) => name.trim());
  if (names.length < 2 || names.length > 3 || names.includes("")) {
    throw new RangeError(`--columns names a text, perhaps a second one, and the label, not "${columns}"`);
  }
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new RangeError(`--columns names "${twice}" twice: each column is another part`);
  return names;
}

/** What labels are, by `--kind` or by the head that they are for, which may know no names and be left for another. */
function kindOf(kind: string | undefined, { isScored, heads: [head] = [] }: ReadTaskOptions): LabelKind | undefined {
  if (kind !== undefined) return requireName("value of --kind", kind, LABEL_KINDS);
  if (head?.kind === "regression") return "scores";
  return head && (isScored || head.isNamed) ? "classes" : undefined;
}

/**
 * A second table, whose classes are numbered as the first one's. Labels that the first lacks are refused with their row,
 * unless a head has names for its classes, which may be more than the first table shows: they come last then.
 */
async function readSecond(
  file: string,
  { kind, labels }: LabelSet,
  { columns, isNamed }: Pick<ReadTableOptions, "columns"> & { readonly isNamed: boolean },
): Promise<Table> {
  const known = { kind, labels };
  if (kind === "regression" || !isNamed) return await readTable(file, { columns, known });
  const own = await readTable(file, { columns, kind: "classes" });
  const all = [...labels, ...own.labels.filter((label) => !labels.includes(label))];
  return await readTable(file, { columns, known: { kind, labels: all } });
}

/**
 * A table whose classes are to be those of a head that has names for them. Where they are not, its labels are what the
 * table makes of them, as if there were no such head: scores, or refused with the row that is neither.
 */
async function readForHeads(
  file: string,
  { columns, heads }: Pick<ReadTableOptions, "columns"> & { readonly heads: readonly Head[] },
): Promise<Table> {
  const table = await readTable(file, { columns, kind: "classes" });
  const words = table.labels.map((label) => [label]);
  return heads.some((head) => matchClasses(words, head)) ? table : await readTable(file, { columns });
}

/** A task of one's own, from a file. */
export async function columnTask(flags: TaskFlags, { isScored, heads = [] }: ReadTaskOptions): Promise<RawTask> {
  const { data, columns = "", "eval-data": evalData } = flags;
  if (data === undefined) throw new RangeError("--columns needs the file: --data FILE");
  const names = columnNames(columns);
  const kind = kindOf(flags.kind, { isScored, heads });
  const isNamed = heads.some((head) => head.isNamed);
  const isGuess = flags.kind === undefined && kind === "classes" && isNamed;
  const read = isGuess ? readForHeads(data, { columns: names, heads }) : readTable(data, { columns: names, kind });
  const first = await read.catch((error) => {
    if (!(error instanceof SyntaxError) || flags.kind !== undefined || kind !== "scores") throw error;
    // It is the head that makes scores of labels.
    throw new SyntaxError(
      `${error.message}, and ${heads[0].owner} has a head of one score: --kind classes reads classes`,
    );
  });
  if (!isScored && first.kind === "classes" && first.labels.length < 2) {
    throw new RangeError(`there is nothing to learn from ${data} as all of its labels are "${first.labels[0]}"`);
  }
  const second = evalData === undefined ? undefined : await readSecond(evalData, first, { columns: names, isNamed });
  const own = { kind: first.kind, labels: second?.labels ?? first.labels };
  const dev = isScored ? first : second;
  return {
    name: "columns",
    ...own,
    metrics: metricsOf(own),
    train: isScored ? [] : first.examples,
    sets: dev ? { dev: dev.examples } : {},
    hash: await sha256(JSON.stringify([own, first.examples, second?.examples ?? []])),
    words: own.labels.map((label) => [label]),
    source: second ? `${list(first.files)}, and ${list(second.files)} to score` : list(first.files),
    firstAt: new Map([...second?.firstAt ?? [], ...first.firstAt]),
    ownOrder: "by number or alphabet",
  };
}
