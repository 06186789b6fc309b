import type { Example } from "./glue.ts";
import { glueLabel } from "./glue_label.ts";
import { shown } from "./table/cells.ts";
import { parquetRows } from "./table/parquet_rows.ts";
import { readBytes } from "./table/read_bytes.ts";
import { namesIn, wholeSplit } from "./table/shards.ts";
import type { GlueTask } from "./tasks.ts";

/** Splits of a task as its Parquet files hold them. */
export interface ParquetSplits {
  readonly train: readonly Example[];
  readonly dev: readonly Example[];
  readonly mismatched?: readonly Example[];
  /** Paths of all shards, split after split. */
  readonly files: readonly string[];
}

/** Names of files the way Hugging Face gives them: `train-00000-of-00001.parquet`, of older ones with a mark behind. */
const SPLITS = {
  train: /^train(-\d+-of-\d+(-[0-9a-f]{6,})?)?\.parquet$/,
  dev: /^validation(_matched)?(-\d+-of-\d+(-[0-9a-f]{6,})?)?\.parquet$/,
  mismatched: /^validation_mismatched(-\d+-of-\d+(-[0-9a-f]{6,})?)?\.parquet$/,
} as const;

/** The example of a row. Throws a SyntaxError that names the file, the row and what is wrong with it. */
function exampleOf(cells: readonly unknown[], task: GlueTask, where: string): Example {
  const fail = (reason: string): never => {
    throw new SyntaxError(`Cannot read ${where} as ${reason}`);
  };
  const [text, text2] = task.parquet.map((column, i) => {
    const cell = cells[i];
    if (typeof cell !== "string") return fail(`its text in column "${column}" is ${shown(cell)}`);
    return cell.trim() === "" ? fail(`its text in column "${column}" is missing`) : cell;
  });
  const { label, fault } = glueLabel(cells.at(-1), task);
  if (fault !== undefined) return fail(fault);
  return text2 === undefined ? { text, label } : { text, text2, label };
}

async function readSplit(files: readonly string[], task: GlueTask): Promise<Example[]> {
  const columns = [...task.parquet.filter((column) => column !== undefined), "label"];
  const examples: Example[] = [];
  for (const file of files) {
    const rows = await parquetRows(await readBytes(file), { columns, file });
    for (const { at, cells } of rows) examples.push(exampleOf(cells, task, `${file}, row ${at},`));
  }
  if (examples.length === 0) throw new SyntaxError(`Cannot read ${files[0]} as it has no rows`);
  return examples;
}

/**
 * Reads a task's splits from Parquet files the way Hugging Face's `glue` data set has them; `undefined` where the
 * folder holds none of them.
 *
 * Throws an Error where a split or a shard is missing or a file is corrupt, a SyntaxError where a row is wrong.
 */
export async function readParquetSplits(folder: string, task: GlueTask): Promise<ParquetSplits | undefined> {
  const names = await namesIn(folder);
  const of = (split: keyof typeof SPLITS) => names.filter((name) => SPLITS[split].test(name));
  const filesOf = (split: keyof typeof SPLITS) => wholeSplit(folder, of(split)).map((name) => `${folder}/${name}`);
  const [hasTrain, hasDev, hasMismatched] = [of("train"), of("dev"), of("mismatched")].map(({ length }) => length > 0);
  if (!hasTrain && !hasDev) return undefined;
  if (!hasTrain || !hasDev) {
    const [there, missing] = hasTrain ? ["train", "validation"] : ["validation", "train"];
    throw new Error(`Cannot read task ${task.name} as ${folder} holds ${there} files, but no ${missing}-*.parquet`);
  }
  const [train, dev, mismatched] = [filesOf("train"), filesOf("dev"), hasMismatched ? filesOf("mismatched") : []];
  return {
    train: await readSplit(train, task),
    dev: await readSplit(dev, task),
    ...hasMismatched && { mismatched: await readSplit(mismatched, task) },
    files: [...train, ...dev, ...mismatched],
  };
}
