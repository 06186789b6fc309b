import { markdownTable } from "markdown-table";

/** A row of a table: what stands under which heading. */
export type TableRow = Readonly<Record<string, string | number>>;

/** What a table shows of a number: whole ones in full, others with four digits. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e6 ? value.toExponential(1) : String(Number(value.toPrecision(4)));
}

/** Text as it stands in HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

/** Headings in the order in which they first come, and the cells below them as text. */
function grid(rows: readonly TableRow[]): { head: string[]; body: string[][]; isNumeric: boolean[] } {
  const head = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const body = rows.map((row) =>
    head.map((name) => typeof row[name] === "number" ? formatNumber(row[name]) : row[name] ?? "")
  );
  const isNumeric = head.map((_, column) => body.every((cells) => /^([−+-]?\d|–?$)/.test(cells[column])));
  return { head, body, isNumeric };
}

/** Rows as an HTML table; columns of numbers are set to the right. */
export function tableHtml(rows: readonly TableRow[]): string {
  const { head, body, isNumeric } = grid(rows);
  const cell = (tag: string) => (text: string, column: number) =>
    `<${tag} style="text-align: ${isNumeric[column] ? "right" : "left"}">${escapeHtml(text)}</${tag}>`;
  const line = (cells: string[], tag: string) => `<tr>${cells.map(cell(tag)).join("")}</tr>`;
  return `<table>\n<thead>${line(head, "th")}</thead>\n<tbody>\n${
    body.map((cells) => line(cells, "td")).join("\n")
  }\n</tbody>\n</table>`;
}

/** Rows as a Markdown table. */
export function tableMarkdown(rows: readonly TableRow[]): string {
  const { head, body, isNumeric } = grid(rows);
  return markdownTable([head, ...body], { align: isNumeric.map((is) => is ? "r" : "l") });
}
