import {
  type Example,
  GLUE_TASKS,
  type GlueData,
  type GlueTask,
  type MetricFunction,
  type MetricName,
  readGlueFiles,
  readGlueTask,
} from "../../../lib/data/mod.ts";
import type { ColumnsSpec } from "../../../lib/experiment/specs/mod.ts";
import { requireName } from "../../../lib/text/nearest.ts";
import { sha256 } from "../../../lib/io/sha256.ts";
import { type Head, list } from "../heads/head.ts";
import type { LabelKind, LabelSet } from "../heads/label_set.ts";
import { matchClasses } from "../heads/match_classes.ts";
import type { FrozenReadout } from "../model/load_model.ts";
import type { EncoderSize } from "../../suite/encoders.ts";
import { isSuiteData, suiteFiles } from "./suite_data.ts";
import { readTable, type ReadTableOptions, type Table } from "./read_table.ts";

/** What is to be learned or scored, and where it lies. */
export interface TaskSource {
  /** One of GLUE's tasks, or the path of a module of one's own; else there are `columns`. */
  readonly task?: string;
  /** The encoder of the suite that a probe is of, the small one by default. */
  readonly encoder?: EncoderSize;
  /** GLUE's folder, `suite` for the generated texts, or the file with columns. */
  readonly data?: string;
  /** A second file with columns, which is scored. */
  readonly evalData?: string;
  readonly columns?: ColumnsSpec;
  /** What labels in columns are, whatever they look like. */
  readonly labels?: LabelKind;
  /** What the head's classes are called in the data, with commas between. */
  readonly classes?: string;
}

/** Examples whose classes have the numbers that the data give them. */
export interface RawTask extends LabelSet {
  /** One of GLUE's, one's own, or `columns`. */
  readonly name: string;
  readonly metrics: readonly string[];
  /** Metrics of one's own, by name. */
  readonly scorers?: Readonly<Record<string, MetricFunction>>;
  /** What is trained on; empty where only scores are asked for. */
  readonly train: readonly Example[];
  /** What answers are scored on, by name: `dev`, and MNLI's `mismatched`. */
  readonly sets: Readonly<Record<string, readonly Example[]>>;
  /** Where the examples come from, in words. */
  readonly source: string;
  /** Names of the files of a folder that were read. */
  readonly files?: readonly string[];
  /** Least and greatest score of one of GLUE's regressions. */
  readonly range?: readonly [number, number];
  /** The frozen head that a probe is read off. */
  readonly readout?: FrozenReadout;
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
  /** Whether data for other classes than a head has get a new one: where it has no names for its own, or always; else they are refused. */
  readonly mayBeFresh?: "unnamed" | "always";
}

/** Words that mean each class of one of GLUE's tasks: those of its files, and Hugging Face's. */
export function wordsOf({ labels, classNames }: GlueTask): string[][] {
  return labels.map((label, i) => classNames ? [label, classNames[i]] : [label]);
}

/** One of GLUE's tasks, from a folder or as it is generated. */
export async function glueTask(name: string, folder: string): Promise<RawTask> {
  const known = requireName("task", name, Object.keys(GLUE_TASKS) as (keyof typeof GLUE_TASKS)[]);
  const data = isSuiteData(folder) ? await readGlueFiles(suiteFiles(folder), known) : await readGlueTask(folder, known);
  return rawGlueTask(data, folder);
}

function rawGlueTask(data: GlueData, folder: string): RawTask {
  const isSuite = isSuiteData(folder);
  const { name, kind, labels, metrics, range } = data.task;
  const sets = { dev: data.dev, ...data.mismatched && { mismatched: data.mismatched } };
  const source = isSuite ? `generated texts of the suite (${name})` : `${data.task.folder} in ${folder}`;
  const ownOrder = "in GLUE's order";
  const within = (file: string) => file.slice(folder.replace(/(?<=.)\/+$/, "").length + 1);
  return {
    name,
    kind,
    labels,
    metrics,
    ...range && { range },
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

/** What labels are, as it is said or by the head that they are for, which may know no names and be left for another. */
function kindOf(kind: LabelKind | undefined, { isScored, heads: [head] = [] }: ReadTaskOptions): LabelKind | undefined {
  if (kind !== undefined) return kind;
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

/** A task of one's own, from files with columns. */
export async function columnTask(
  { data, evalData, columns: { text, text2, label }, labels }: TaskSource & {
    readonly data: string;
    readonly columns: ColumnsSpec;
  },
  { isScored, heads = [] }: ReadTaskOptions,
): Promise<RawTask> {
  const names = [text, ...text2 === undefined ? [] : [text2], label];
  const kind = kindOf(labels, { isScored, heads });
  const isNamed = heads.some((head) => head.isNamed);
  const isGuess = labels === undefined && kind === "classes" && isNamed;
  const read = isGuess ? readForHeads(data, { columns: names, heads }) : readTable(data, { columns: names, kind });
  const first = await read.catch((error) => {
    if (!(error instanceof SyntaxError) || labels !== undefined || kind !== "scores") throw error;
    // It is the head that makes scores of labels.
    throw new SyntaxError(
      `${error.message}, and ${heads[0].owner} has a head of one score: \`data.labels\` classes reads classes`,
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
