import { findColumns } from "./find_columns.ts";
import { quotedRows } from "./quoted_rows.ts";
import { type Place, type Row, withoutBlankEnd } from "./rows.ts";
import { plural } from "../../text/plural.ts";

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

/** Fields of plain rows that begin with a quote: whether there are any, and the first row where one does not end with it. */
function openedFields(rows: readonly Row[]): { readonly any: boolean; readonly broken?: Row } {
  let any = false;
  for (const row of rows) {
    const opened = row.cells.map(String).filter((cell) => cell.startsWith('"'));
    any ||= opened.length > 0;
    if (!opened.every((cell) => /^"([^"]|"")*"$/.test(cell))) return { any, broken: row };
  }
  return { any };
}

/**
 * Rows between tabs, where quotes depend on who wrote the file. They are text, as in GLUE's own files, unless every field
 * that begins with a quote is a quoted one, or more rows have the right number of fields with quotes as marks.
 *
 * Throws a SyntaxError where either can be meant and gives other rows.
 */
async function tabbedRows(text: string, place: Place): Promise<readonly Row[]> {
  const plain = withoutBlankEnd(plainRows(text, "\t"));
  const uneven = unevenRows(plain);
  const { any, broken } = openedFields(plain);
  if (!any) return plain;
  const { rows, fault } = await quotedRows(text, { delimiter: "\t" });
  const quoted = withoutBlankEnd(rows);
  const unevenQuoted = unevenRows(quoted);
  if (fault || unevenQuoted > 0 && unevenQuoted >= uneven) return plain;
  if (uneven > 0 || !broken) return quoted;
  throw new SyntaxError(
    `Cannot read ${place(broken.at)} as its quotes may be text, or marks around a field of several lines: ` +
      "write the table with commas (.csv), or as JSON lines",
  );
}

/** Rows of a text, its header among them. But for tabs, quotes are marks wherever a field begins with one. */
async function splitRows(text: string, delimiter: string, place: Place): Promise<readonly Row[]> {
  if (!text.includes('"')) return withoutBlankEnd(plainRows(text, delimiter));
  if (delimiter === "\t") return await tabbedRows(text, place);
  const { rows, fault } = await quotedRows(text, { delimiter });
  if (fault) throw new SyntaxError(`Cannot read ${place(fault.at)} as ${fault.reason}`);
  return withoutBlankEnd(rows);
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
    if (cells.length === header.cells.length) return { at, cells: places.map((column) => cells[column]) };
    const count = plural(cells.length, `${DELIMITERS[delimiter]}-separated field`);
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
