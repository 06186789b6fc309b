import type { Example } from "../../mod.ts";

/** What labels of a table are: words of classes in the order of their numbers, or scores. */
export interface LabelSet {
  readonly kind: "classes" | "regression";
  /** Empty for a regression. */
  readonly labels: readonly string[];
}

/** A table's examples and what their labels are. */
export interface Table extends LabelSet {
  readonly examples: readonly Example[];
}

/** Options of {@linkcode readTable}. */
export interface ReadTableOptions {
  /** Names of columns, or keys of JSON objects: the text, perhaps a second one, and the label. */
  readonly columns: readonly string[];
  /** What labels are, as another file decided; by default this one decides. */
  readonly known?: LabelSet;
}

/** A row before its label has a number. */
interface Row {
  readonly line: number;
  readonly texts: readonly string[];
  readonly label: string;
}

type Fail = (line: number, reason: string) => never;

async function readText(file: string): Promise<string> {
  try {
    const bytes = await Deno.readFile(file);
    const stream = new Blob([bytes]).stream();
    const plain = file.endsWith(".gz") ? stream.pipeThrough(new DecompressionStream("gzip")) : stream;
    return new TextDecoder("utf-8", { fatal: true }).decode(await new Response(plain).arrayBuffer());
  } catch (error) {
    throw new Error(`cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** Fields of each line under the names that were asked for, as texts. */
function tabSeparated(lines: readonly string[], columns: readonly string[], fail: Fail): string[][] {
  const names = lines[0].split("\t");
  const places = columns.map((column) => {
    const place = names.indexOf(column);
    return place < 0 ? fail(1, `it names no column "${column}": there are ${names.join(", ")}`) : place;
  });
  return lines.slice(1).map((line, i) => {
    const fields = line.split("\t");
    if (fields.length !== names.length) {
      fail(i + 2, `it has ${fields.length} tab-separated fields where ${names.length} must be`);
    }
    return places.map((place) => fields[place]);
  });
}

function jsonLines(lines: readonly string[], columns: readonly string[], fail: Fail): string[][] {
  return lines.map((line, i) => {
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch (error) {
      return fail(i + 1, `it is no JSON: ${(error as Error).message}`);
    }
    return columns.map((column) => {
      const value = (row as Record<string, unknown> | null)?.[column];
      const isField = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
      return isField
        ? String(value)
        : fail(i + 1, `its "${column}" is ${JSON.stringify(value)}, not a text or a number`);
    });
  });
}

const isNumber = (word: string) => word.trim() !== "" && Number.isFinite(Number(word));

/**
 * What labels are: scores where all are numbers and one of them at least is not whole, else classes, in the order of
 * their numbers or, where some are words, of the alphabet.
 */
export function labelSet(words: Iterable<string>): LabelSet {
  const labels = [...new Set(words)];
  const areNumbers = labels.every(isNumber);
  if (areNumbers && labels.some((word) => !Number.isInteger(Number(word)))) return { kind: "regression", labels: [] };
  return { kind: "classes", labels: areNumbers ? labels.sort((a, b) => Number(a) - Number(b)) : labels.sort() };
}

/**
 * Reads a file of rows with labels: JSON lines where its name ends in `.jsonl` or `.ndjson`, else tab-separated with a
 * first line of names; either may be gzipped, with `.gz` behind.
 *
 * Throws an Error where it cannot be read, a SyntaxError that names the line where a row is wrong.
 */
export async function readTable(file: string, { columns, known }: ReadTableOptions): Promise<Table> {
  const fail: Fail = (line, reason) => {
    throw new SyntaxError(`cannot read ${file}:${line} as ${reason}`);
  };
  const lines = (await readText(file)).replace(/^\uFEFF/, "").split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  const isJson = /\.(jsonl|ndjson)(\.gz)?$/.test(file);
  if (lines.length < (isJson ? 1 : 2)) throw new SyntaxError(`cannot read ${file} as it has no rows`);
  const fields = isJson ? jsonLines(lines, columns, fail) : tabSeparated(lines, columns, fail);
  const rows = fields.map((row, i): Row => {
    const line = i + (isJson ? 1 : 2);
    const [texts, label] = [row.slice(0, -1), row.at(-1)!.trim()];
    if (label === "") fail(line, "its label is missing");
    const empty = texts.findIndex((text) => text.trim() === "");
    if (empty >= 0) fail(line, `its "${columns[empty]}" is empty`);
    return { line, texts, label };
  });
  const set = known ?? labelSet(rows.map(({ label }) => label));
  const numberOf = ({ line, label }: Row): number => {
    if (set.kind === "regression") return isNumber(label) ? Number(label) : fail(line, `label "${label}" is no number`);
    const found = set.labels.indexOf(label);
    return found < 0 ? fail(line, `label "${label}" is none of ${set.labels.join(", ")}`) : found;
  };
  const examples = rows.map((row): Example => {
    const [text, text2] = row.texts;
    const label = numberOf(row);
    return text2 === undefined ? { text, label } : { text, text2, label };
  });
  return { kind: set.kind, labels: set.labels, examples };
}
