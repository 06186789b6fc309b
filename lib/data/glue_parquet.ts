import type * as Hyparquet from "hyparquet";
import type { Example } from "./glue.ts";
import type { GlueTask } from "./tasks.ts";

/** Version of `npm:hyparquet` that is loaded; the one that `deno.json` pins for the types. */
export const HYPARQUET_VERSION = "1.31.5";

/** Splits of a task as its Parquet files hold them. */
export interface ParquetSplits {
  readonly train: readonly Example[];
  readonly dev: readonly Example[];
  readonly mismatched?: readonly Example[];
}

/** Names of files as Hugging Face gives them: `train-00000-of-00001.parquet`. */
const SPLITS = {
  train: /^train(-\d+-of-\d+)?\.parquet$/,
  dev: /^validation(_matched)?(-\d+-of-\d+)?\.parquet$/,
  mismatched: /^validation_mismatched(-\d+-of-\d+)?\.parquet$/,
} as const;

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

/** The example of a row. Throws a SyntaxError that names the file, the row and what is wrong with it. */
function exampleOf(row: Record<string, unknown>, task: GlueTask, where: string): Example {
  const fail = (reason: string): never => {
    throw new SyntaxError(`Cannot read ${where} as ${reason}`);
  };
  const [text, text2] = task.parquet.map((column) => {
    if (column === undefined) return undefined;
    const value = row[column];
    if (typeof value !== "string") return fail(`its column "${column}" holds no text`);
    return value.trim() === "" ? fail(`its text in column "${column}" is missing`) : value;
  });
  const label = Number(row.label);
  const [least, greatest] = task.range ?? [-Infinity, Infinity];
  const isLabel = task.kind === "classes"
    ? Number.isInteger(label) && label >= 0 && label < task.labels.length
    : label >= least && label <= greatest;
  if (!isLabel) {
    const wanted = task.kind === "classes"
      ? `a class from 0 to ${task.labels.length - 1}`
      : `a score from ${least} to ${greatest}`;
    fail(`its label ${row.label} must be ${wanted}`);
  }
  return text2 === undefined ? { text: text!, label } : { text: text!, text2, label };
}

async function readSplit(folder: string, names: readonly string[], task: GlueTask): Promise<Example[]> {
  // Computed, so that bundlers for browsers do not follow it: only who reads Parquet needs it.
  const specifier = ["npm", `hyparquet@${HYPARQUET_VERSION}`].join(":");
  const { parquetReadObjects } = await import(specifier) as typeof Hyparquet;
  const examples: Example[] = [];
  for (const name of names) {
    const file = `${folder}/${name}`;
    const { buffer } = await Deno.readFile(file);
    let rows: Record<string, unknown>[];
    try {
      rows = await parquetReadObjects({
        file: buffer,
        columns: [...task.parquet.filter((x) => x !== undefined), "label"],
      });
    } catch (cause) {
      throw new Error(`Cannot read ${file} as it is no whole Parquet file of this task: ${(cause as Error).message}`, {
        cause,
      });
    }
    rows.forEach((row, i) => examples.push(exampleOf(row, task, `${file}, row ${i + 1},`)));
  }
  if (examples.length === 0) throw new SyntaxError(`Cannot read ${folder}/${names[0]} as it has no rows`);
  return examples;
}

/**
 * Reads a task's splits from Parquet files as Hugging Face's `glue` data set has them; `undefined` where the folder holds
 * none of the train split.
 *
 * Throws an Error where the dev split is missing or a file is corrupt, a SyntaxError where a row is wrong.
 */
export async function readParquetSplits(folder: string, task: GlueTask): Promise<ParquetSplits | undefined> {
  const names = await namesIn(folder);
  const of = (split: keyof typeof SPLITS) => names.filter((name) => SPLITS[split].test(name));
  if (of("train").length === 0) return undefined;
  if (of("dev").length === 0) {
    throw new Error(`Cannot read task ${task.name} as ${folder} holds train files, but no validation-*.parquet`);
  }
  const [train, dev] = [await readSplit(folder, of("train"), task), await readSplit(folder, of("dev"), task)];
  const others = of("mismatched");
  return others.length > 0 ? { train, dev, mismatched: await readSplit(folder, others, task) } : { train, dev };
}
