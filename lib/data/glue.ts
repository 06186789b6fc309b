import { sha256 } from "../io/sha256.ts";
import { glueLabel } from "./glue_label.ts";
import { readParquetSplits } from "./glue_parquet.ts";
import { decodeText } from "./table/decode_text.ts";
import { readBytes } from "./table/read_bytes.ts";
import { type GlueTask, glueTask, type GlueTaskName } from "./tasks.ts";
import { plural } from "../text/plural.ts";

/** A sentence, or a pair of them, with its label. */
export interface Example {
  /** The sentence, or the first of a pair. */
  readonly text: string;
  /** The second sentence of a pair. */
  readonly text2?: string;
  /** Number of a class, or the raw score of a regression. */
  readonly label: number;
}

/** Names of the splits that have labels in GLUE. */
export type Split = "train" | "dev";

/** A task of GLUE with its examples. */
export interface GlueData {
  /** The task that the examples are of. */
  readonly task: GlueTask;
  /** Examples of the train file, in its order. */
  readonly train: readonly Example[];
  /** Examples of the dev file, in its order. */
  readonly dev: readonly Example[];
  /** Examples of a second dev file, where it is there: MNLI's mismatched ones. */
  readonly mismatched?: readonly Example[];
  /**
   * Hex sha-256 of the task's name and the texts of its files: the same for `.tsv`, `.tsv.gz` and files in memory; of
   * Parquet files, of their rows.
   */
  readonly hash: string;
  /** What was read, split after split: paths, or the names of files in memory. */
  readonly files: readonly string[];
}

/** Options of {@linkcode parseGlue}. */
export interface ParseGlueOptions {
  /** Name of the file in messages, by default the task's folder and the file. */
  readonly file?: string;
  /** Which split the text is of, "train" by default; counts only where their columns differ (MNLI). */
  readonly split?: Split;
}

/**
 * Reads the splits of a task from GLUE's own layout, `dir/CoLA/train.tsv` and `dir/CoLA/dev.tsv`, plain or gzipped with
 * `.gz` at the end (the plain file comes first where both are there), or from Hugging Face's,
 * `dir/cola/train-*.parquet` and `dir/cola/validation-*.parquet`.
 *
 * It needs the right to read `dir`. Throws an Error where the folder or a file is missing or cannot be unpacked, and
 * what {@linkcode parseGlue} throws.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const dir = await Deno.makeTempDir();
 * await Deno.mkdir(`${dir}/SST-2`);
 * const rows = "sentence\tlabel\ngood\t1\n";
 * for (const split of ["train", "dev"]) await Deno.writeTextFile(`${dir}/SST-2/${split}.tsv`, rows);
 * const { task, train } = await data.readGlueTask(dir, "sst2");
 * console.log(task.mainMetric, train); // accuracy [{ text: "good", label: 1 }]
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export async function readGlueTask(dir: string, task: GlueTask | GlueTaskName): Promise<GlueData> {
  const found = typeof task === "string" ? glueTask(task) : task;
  const root = dir.replace(/(?<=.)\/+$/, "");
  const folder = `${root}/${found.folder}`;
  for (const place of [folder, `${root}/${found.name}`]) {
    const read = await readParquetSplits(place, found);
    if (!read) continue;
    const { files, ...rows } = read;
    return { task: found, ...rows, files, hash: await sha256(JSON.stringify([found.name, rows])) };
  }
  if (!await isThere(folder)) {
    throw new Error(
      `Cannot read task ${found.name} as there is no folder ${folder}, nor Parquet files in ${root}/${found.name}`,
    );
  }
  const [train, dev, mismatched] = await Promise.all([
    readText(folder, found.files.train),
    readText(folder, found.files.dev),
    found.files.mismatched && findText(folder, found.files.mismatched),
  ]);
  return await toData(found, { train, dev, mismatched });
}

/**
 * Reads both splits of a task from files in memory, whose names are paths inside GLUE's folder, such as
 * `CoLA/train.tsv`.
 *
 * Throws an Error where a file is missing, and what {@linkcode parseGlue} throws.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const rows = "sentence\tlabel\ngood\t1\nbad film\t0\n";
 * const { dev } = await data.readGlueFiles(new Map([["SST-2/train.tsv", rows], ["SST-2/dev.tsv", rows]]), "sst2");
 * console.log(dev[1]); // { text: "bad film", label: 0 }
 * ```
 */
export async function readGlueFiles(
  files: ReadonlyMap<string, string>,
  task: GlueTask | GlueTaskName,
): Promise<GlueData> {
  const found = typeof task === "string" ? glueTask(task) : task;
  const find = (names: readonly string[]): NamedText | undefined => {
    const file = names.map((name) => `${found.folder}/${name}`).find((path) => files.has(path));
    return file === undefined ? undefined : { file, text: files.get(file)! };
  };
  const [train, dev] = [found.files.train, found.files.dev].map((names): NamedText => {
    const text = find(names);
    if (text) return text;
    const paths = names.map((name) => `${found.folder}/${name}`).join(" or ");
    throw new Error(`Cannot read task ${found.name} as there is no file ${paths}`);
  });
  return await toData(found, { train, dev, mismatched: found.files.mismatched && find(found.files.mismatched) });
}

/**
 * Examples of a split's text, by a plain split on line feeds and tabs: GLUE's fields are not quoted, so quotes are
 * text. A carriage return before a line feed, a byte order mark and blank lines at the end are dropped.
 *
 * Throws a SyntaxError that says file, line and reason where a row has another number of fields than the task's
 * columns, a label that the task does not have or no sentence, where the line of column names is missing, and where
 * there is no row at all.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const rows = data.parseGlue("sentence\tlabel\nit 's a charming journey .\t1\n", "sst2");
 * console.log(rows); // [{ text: "it 's a charming journey .", label: 1 }]
 * ```
 */
export function parseGlue(text: string, task: GlueTask | GlueTaskName, options: ParseGlueOptions = {}): Example[] {
  const found = typeof task === "string" ? glueTask(task) : task;
  const { split = "train", file = `${found.folder}/${found.files[split][0]}` } = options;
  const columns = found.columns[split];
  const labelColumn = found.label === "last" ? columns - 1 : found.label;
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  const end = lines.findLastIndex((line) => line.trim() !== "") + 1;
  const examples: Example[] = [];
  for (const [index, raw] of lines.slice(0, end).entries()) {
    const fail = (reason: string): never => {
      throw new SyntaxError(`Cannot read ${file}:${index + 1} as ${reason}`);
    };
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    const fields = line.split("\t");
    if (fields.length !== columns) {
      fail(
        `it has ${plural(fields.length, "tab-separated field")} where ${columns} must be`,
      );
    }
    const { label, fault } = glueLabel(fields[labelColumn], found);
    if (index === 0 && found.columns.header) {
      if (fault === undefined) fail("the line of column names is missing: it is a row already");
      continue;
    }
    if (fault !== undefined) return fail(fault);
    for (const column of found.text2 === undefined ? [found.text] : [found.text, found.text2]) {
      if (fields[column].trim() === "") fail(`its sentence in column ${column + 1} is missing`);
    }
    const example = { text: fields[found.text], label };
    examples.push(found.text2 === undefined ? example : { ...example, text2: fields[found.text2] });
  }
  if (examples.length === 0) throw new SyntaxError(`Cannot read ${file} as it has no rows`);
  return examples;
}

interface NamedText {
  readonly file: string;
  readonly text: string;
}

async function toData(
  task: GlueTask,
  { train, dev, mismatched }: { readonly train: NamedText; readonly dev: NamedText; readonly mismatched?: NamedText },
): Promise<GlueData> {
  const texts = [train, dev, ...mismatched ? [mismatched] : []];
  const hashes = await Promise.all(texts.map(({ text }) => sha256(text.replace(/^\uFEFF/, ""))));
  return {
    task,
    train: parseGlue(train.text, task, { file: train.file, split: "train" }),
    dev: parseGlue(dev.text, task, { file: dev.file, split: "dev" }),
    mismatched: mismatched && parseGlue(mismatched.text, task, { file: mismatched.file, split: "dev" }),
    hash: await sha256([task.name, ...hashes].join("\n")),
    files: texts.map(({ file }) => file),
  };
}

async function readText(folder: string, names: readonly string[]): Promise<NamedText> {
  const found = await findText(folder, names);
  if (found) return found;
  const [first, ...others] = names.flatMap((name) => [`${folder}/${name}`, `${folder}/${name}.gz`]);
  throw new Error(`Cannot read ${first} as there is no such file, nor ${others.join(", nor ")}`);
}

async function findText(folder: string, names: readonly string[]): Promise<NamedText | undefined> {
  const files = names.flatMap((name) => [`${folder}/${name}`, `${folder}/${name}.gz`]);
  for (const file of files) {
    if (await isThere(file)) return { file, text: decodeText(await readBytes(file), file) };
  }
  return undefined;
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
