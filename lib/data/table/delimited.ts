import { findColumns } from "./find_columns.ts";
import { quotedRows } from "./quoted_rows.ts";
import { type Place, type Row, withoutBlankEnd } from "./rows.ts";

/** Characters that stand between fields, and what they are called. */
const DELIMITERS: Readonly<Record<string, string>> = {
  "\t": "tab",
  ",": "comma",
  ";": "semicolon",
  "|": "bar",
};

/** Rows of a text whose quotes are text. */
function plainRows(text: string, delimiter: string): Row[] {
  return text.split("\n").map((line, i) => ({
    at: i + 1,
    cells: (line.endsWith("\r") ? line.slice(0, -1) : line).split(delimiter),
  }));
}

async function namesOf(text: string, delimiter: string): Promise<string[]> {
  const end = text.indexOf("\n");
  const first = end < 0 ? text : text.slice(0, end);
  const rows = first.includes('"')
    ? (await quotedRows(text, { delimiter, most: 1 })).rows
    : plainRows(first, delimiter);
  return (rows[0]?.cells ?? []).map((name) => String(name).trim());
}

/**
 * What stands between the fields of a text: of the file's own kind first, that under which the first line names all
 * columns; where none does, that under which it names the most.
 */
async function findDelimiter(text: string, file: string, columns: readonly string[]): Promise<string> {
  const own = /\.csv(\.gz)?$/i.test(file) ? "," : "\t";
  const others = Object.keys(DELIMITERS).filter((delimiter) => delimiter !== own);
  let most = { delimiter: own, count: 0 };
  for (const delimiter of [own, ...others]) {
    const names = await namesOf(text, delimiter);
    if (columns.every((column) => names.includes(column))) return delimiter;
    if (names.length > most.count) most = { delimiter, count: names.length };
  }
  return most.delimiter;
}

/** How many rows have another number of fields than the first. */
function unevenRows(rows: readonly Row[]): number {
  return rows.filter(({ cells }) => cells.length !== rows[0].cells.length).length;
}

/** Whether each field that begins with a quote is a quoted one, and one at least is. */
function hasQuotedFields(rows: readonly Row[]): boolean {
  let found = false;
  for (const { cells } of rows) {
    for (const cell of cells as string[]) {
      if (!cell.startsWith('"')) continue;
      if (!/^"([^"]|"")*"$/.test(cell)) return false;
      found = true;
    }
  }
  return found;
}

/**
 * Rows of a text, its header among them. Quotes are marks, but for those between tabs, which depend on who wrote the
 * file: they are text, as in GLUE's own files, unless every field that begins with a quote is a quoted one, or more
 * rows have the right number of fields with quotes as marks.
 */
async function splitRows(text: string, delimiter: string, place: Place): Promise<readonly Row[]> {
  const plain = () => withoutBlankEnd(plainRows(text, delimiter));
  if (!text.includes('"')) return plain();
  const { rows: read, fault } = await quotedRows(text, { delimiter });
  const quoted = withoutBlankEnd(read);
  if (delimiter !== "\t") {
    if (fault) throw new SyntaxError(`Cannot read ${place(fault.at)} as ${fault.reason}`);
    return quoted;
  }
  const rows = plain();
  const uneven = unevenRows(rows);
  const areMarks = uneven === 0 ? hasQuotedFields(rows) : unevenRows(quoted) < uneven;
  return areMarks && !fault ? quoted : rows;
}

/**
 * Reads columns of delimited text by the names in its first line: between tabs, commas, semicolons or bars, quoted or
 * not, with any line ends. Empty rows at its end are none.
 *
 * Throws a SyntaxError that names the file, the line and what is wrong with it.
 */
export async function delimitedRows(
  text: string,
  { columns, file, place }: { readonly columns: readonly string[]; readonly file: string; readonly place: Place },
): Promise<Row[]> {
  // A text without line feeds, but with carriage returns, has those at its line ends.
  const lines = text.includes("\n") ? text : text.replaceAll("\r", "\n");
  const delimiter = await findDelimiter(lines, file, columns);
  const [header, ...rows] = await splitRows(lines, delimiter, place);
  if (!header) return [];
  const places = findColumns(columns, header.cells.map((name) => String(name).trim()), place(header.at));
  return rows.map(({ at, cells }) => {
    if (cells.length === header.cells.length) return { at, cells: places.map((place) => cells[place]) };
    const count = `${cells.length} ${DELIMITERS[delimiter]}-separated ${cells.length === 1 ? "field" : "fields"}`;
    const advice = cells.length > header.cells.length && delimiter !== "\t"
      ? `: a field that holds a ${DELIMITERS[delimiter]} stands in quotes`
      : "";
    throw new SyntaxError(
      cells.length === 1 && cells[0] === ""
        ? `Cannot read ${place(at)} as it is empty`
        : `Cannot read ${place(at)} as it has ${count} where ${header.cells.length} must be${advice}`,
    );
  });
}
