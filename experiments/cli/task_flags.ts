import { GLUE_TASKS } from "../../lib/data/mod.ts";
import { requireName } from "../../lib/text/nearest.ts";
import type { ColumnsSpec } from "../../lib/experiment/mod.ts";
import type { TaskSource } from "../runner/data/raw_task.ts";
import { LABEL_KINDS } from "../runner/heads/label_set.ts";
import type { StoredWeights } from "../runner/model/load_model.ts";

/** Flags that name a model. */
export interface ModelFlags {
  readonly model?: string;
  readonly revision?: string;
  readonly offline?: boolean;
  readonly weights?: string;
}

/** What `--weights` says. Throws a RangeError where that is neither f32 nor f16. */
export function weightsOf({ weights = "f32" }: ModelFlags): StoredWeights {
  return requireName("value of --weights", weights, ["f32", "f16"]);
}

/** What flags that name a model mean, for help texts. */
export const MODEL_HELP = `  --model DIR|NAME|suite
                     a folder in Hugging Face's layout (config.json, safetensors, a tokenizer's files), or a model of
                     the hub, org/name, which is fetched into the cache that Python's libraries use; suite for the
                     small encoder that ships with the project
  --revision NAME    branch, tag or commit of the hub, main by default
  --offline          uses what is in that cache alone`;

/** What `--weights` means, for help texts. */
export const WEIGHTS_HELP =
  `  --weights f32|f16  how matrices and embeddings are kept that nothing trains, f32 by default; f16 takes half the
                     memory, all sums are f32; what files have as F32 or BF16 is rounded to it when it is read`;

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

function columnsOf(columns: string): ColumnsSpec {
  const names = columns.split(",").map((name) => name.trim());
  if (names.length < 2 || names.length > 3 || names.includes("")) {
    throw new RangeError(`--columns names a text, perhaps a second one, and the label, not "${columns}"`);
  }
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new RangeError(`--columns names "${twice}" twice: each column is another part`);
  const [text, second, last] = names;
  return last === undefined ? { text, label: second } : { text, text2: second, label: last };
}

/**
 * The task that flags name, as specs have it.
 *
 * Throws a RangeError where flags are missing or contradict each other.
 */
export function taskOf(flags: TaskFlags): TaskSource {
  const { task, data, "eval-data": evalData, kind, classes } = flags;
  if (task !== undefined && flags.columns !== undefined) {
    throw new RangeError("--task and --columns exclude each other");
  }
  if (task !== undefined) {
    if (evalData !== undefined) throw new RangeError("--eval-data belongs to --columns: a task has its own dev files");
    if (kind !== undefined) throw new RangeError("--kind belongs to --columns: a task has its own kind");
    const known = requireName("task", task, Object.keys(GLUE_TASKS));
    if (data !== undefined) return { task: known, data, classes };
    throw new RangeError(
      `--task ${task} needs its data: --data DIR, a folder with GLUE's files, or --data suite for generated texts`,
    );
  }
  if (flags.columns === undefined) {
    throw new RangeError("what is to be learned is missing: --task NAME, or --columns and --data");
  }
  if (data === undefined) throw new RangeError("--columns needs the file: --data FILE");
  const columns = columnsOf(flags.columns);
  const labels = kind === undefined ? undefined : requireName("value of --kind", kind, LABEL_KINDS);
  return { data, evalData, columns, labels, classes };
}
