import { type Example, GLUE_TASKS, type GlueData, type MetricName, readGlueFiles, readGlueTask } from "../../mod.ts";
import { requireName } from "../../lib/data/nearest.ts";
import { sha256 } from "../../lib/io/sha256.ts";
import { generateSuite, SUITE_SEED } from "../suite/mod.ts";
import { LABEL_KINDS, type LabelKind, type LabelSet } from "./label_set.ts";
import { readTable } from "./read_table.ts";

/** What a model is tuned for: examples with labels, and how answers are scored. */
export interface TuningTask extends LabelSet {
  /** One of GLUE's, or `columns`. */
  readonly name: string;
  readonly metrics: readonly MetricName[];
  /** What is trained on; empty where only scores are asked for. */
  readonly train: readonly Example[];
  /** What answers are scored on, by name: `dev`, and MNLI's `mismatched`. */
  readonly sets: Readonly<Record<string, readonly Example[]>>;
  /** Hex sha-256 of all examples. */
  readonly hash: string;
}

/** Flags that name a task. */
export interface TaskFlags {
  readonly task?: string;
  readonly data?: string;
  readonly "eval-data"?: string;
  readonly columns?: string;
  readonly kind?: string;
}

/** What {@linkcode TaskFlags} mean, for help texts. */
export const TASK_HELP = `  --task NAME        one of GLUE's: ${Object.keys(GLUE_TASKS).join(", ")}
  --data DIR         GLUE's own folders (CoLA/train.tsv, plain or .gz …) or Parquet; by default the generated suite
  --columns A,B,C    in place of --task: the columns of text, perhaps a second text, and label in a file of your own,
                     TSV or CSV with a first line of names, JSON lines (.jsonl) or Parquet, plain or .gz; one shard of
                     several (train-00000-of-00002.parquet) stands for all. Labels are scores where all are numbers and
                     one at least is not whole; else classes, sorted by number or alphabet; 1 and 1.0 are one class
  --kind classes|scores
                     with --columns: what labels are, whatever they look like; scores for ratings in whole numbers`;

/** What `--kind` says labels are. Throws a RangeError where it is neither, or says another thing than a model did. */
function kindOf({ kind }: TaskFlags, known: LabelSet | undefined): LabelKind | undefined {
  if (kind === undefined) return undefined;
  const named = requireName("value of --kind", kind, LABEL_KINDS);
  if (known && (known.kind === "classes") !== (named === "classes")) {
    throw new RangeError(`--kind ${named} contradicts the model, which was trained on ${known.kind}: leave it out`);
  }
  return named;
}

/** How many outputs a model of a task has. */
export function outputsOf({ kind, labels }: LabelSet): number {
  return kind === "regression" ? 1 : labels.length;
}

async function glueTask(name: string, folder: string | undefined): Promise<TuningTask> {
  const known = requireName("task", name, Object.keys(GLUE_TASKS) as (keyof typeof GLUE_TASKS)[]);
  const data: GlueData = folder === undefined
    ? await readGlueFiles(generateSuite(SUITE_SEED), known)
    : await readGlueTask(folder, known);
  const { kind, labels, metrics } = data.task;
  const sets = { dev: data.dev, ...data.mismatched && { mismatched: data.mismatched } };
  return { name, kind, labels, metrics, train: data.train, sets, hash: data.hash };
}

/** Scores of a task of one's own. */
function metricsOf({ kind, labels }: LabelSet): MetricName[] {
  if (kind === "regression") return ["pearson", "spearman"];
  return labels.length === 2 ? ["accuracy", "f1", "matthewsCorrelation"] : ["accuracy"];
}

/**
 * Reads the task that flags name. With `isScored` the one file of columns holds what is scored; `known` is what its labels
 * are where a model decided that before.
 *
 * Throws a RangeError where flags are missing or contradict each other, and what reading throws.
 */
export async function readTask(
  flags: TaskFlags,
  { isScored = false, known }: { readonly isScored?: boolean; readonly known?: LabelSet } = {},
): Promise<TuningTask> {
  const { task, data, columns } = flags;
  const evalData = flags["eval-data"];
  if (task !== undefined && columns !== undefined) throw new RangeError("--task and --columns exclude each other");
  if (task !== undefined) {
    if (evalData !== undefined) throw new RangeError("--eval-data belongs to --columns: a task has its own dev files");
    if (flags.kind !== undefined) throw new RangeError(`--kind belongs to --columns: a task has its own kind`);
    return await glueTask(task, data);
  }
  if (columns === undefined) {
    throw new RangeError("what is to be learned is missing: --task NAME, or --columns and --data");
  }
  if (data === undefined) throw new RangeError("--columns needs the file: --data FILE");
  const names = columns.split(",").map((name) => name.trim());
  if (names.length < 2 || names.length > 3 || names.includes("")) {
    throw new RangeError(`--columns names a text, perhaps a second one, and the label, not "${columns}"`);
  }
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new RangeError(`--columns names "${twice}" twice: each column is another part`);
  const first = await readTable(data, { columns: names, known, kind: kindOf(flags, known) });
  const own = { kind: first.kind, labels: first.labels };
  if (own.kind === "classes" && own.labels.length < 2) {
    throw new RangeError(`there is nothing to learn from ${data} as all of its labels are "${own.labels[0]}"`);
  }
  const second = evalData === undefined ? undefined : await readTable(evalData, { columns: names, known: own });
  const dev = isScored ? first : second;
  return {
    name: "columns",
    ...own,
    metrics: metricsOf(own),
    train: isScored ? [] : first.examples,
    sets: dev ? { dev: dev.examples } : {},
    hash: await sha256(JSON.stringify([own, first.examples, second?.examples ?? []])),
  };
}
