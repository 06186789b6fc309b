import type { DType, TypedArray } from "./dtype.ts";
import { formatShape, type Shape } from "./shape.ts";

/** What a tensor is in words and as a page, by MIME type. */
export type TensorDisplay = Readonly<Record<"text/plain" | "text/html", string>>;

/** Rows and columns of the corner that is shown. */
const ROWS = 6;
const COLUMNS = 8;

const right = 'style="text-align: right"';

/** Four digits that count, with a true minus. */
function formatElement(value: number): string {
  const text = Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
  return text.replace("-", "−");
}

/** Least, greatest and mean of what is finite, and how much is not. */
function summaryOf(data: TypedArray): string {
  let [least, greatest, sum, finite] = [Infinity, -Infinity, 0, 0];
  for (const value of data) {
    if (!Number.isFinite(value)) continue;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
    sum += value;
    finite++;
  }
  const rest = data.length - finite;
  const lost = rest > 0 ? [`${rest.toLocaleString("en")} of ${data.length.toLocaleString("en")} not finite`] : [];
  const range = { min: least, max: greatest, mean: sum / finite };
  const words = finite > 0 ? Object.entries(range).map(([name, value]) => `${name} ${formatElement(value)}`) : [];
  return [...words, ...lost].join(", ");
}

/** The first matrix of the elements, cut to its corner. */
function cornerOf(shape: Shape, data: TypedArray): string[][] {
  const columns = shape.at(-1) ?? 1;
  const rows = shape.at(-2) ?? 1;
  return Array.from({ length: Math.min(rows, ROWS) }, (_, row) => {
    const cells = Array.from(data.subarray(row * columns, row * columns + Math.min(columns, COLUMNS)), formatElement);
    return columns > COLUMNS ? [...cells, "…"] : cells;
  }).concat(rows > ROWS ? [Array.from({ length: Math.min(columns, COLUMNS + 1) }, () => "⋮")] : []);
}

/**
 * What a notebook shows of a tensor: dtype, shape, least, greatest and mean element, how many are not finite, and the
 * corner of the matrix of its last two axes, the first of them where there are more.
 */
export function displayTensor(shape: Shape, dtype: DType, data: TypedArray): TensorDisplay {
  const heading = `Tensor ${dtype} ${formatShape(shape)}`;
  if (data.length === 0) return { "text/plain": heading, "text/html": `<div>${heading}</div>` };
  const summary = summaryOf(data);
  const corner = cornerOf(shape, data);
  const matrices = shape.slice(0, -2).reduce((product, size) => product * size, 1);
  const which = matrices > 1 ? `first of ${matrices.toLocaleString("en")} matrices:` : "";
  const rows = corner.map((cells) => `<tr>${cells.map((cell) => `<td ${right}>${cell}</td>`).join("")}</tr>`);
  return {
    "text/plain": [heading, summary, which, ...corner.map((cells) => cells.join("  "))].filter(Boolean).join("\n"),
    "text/html": `<div><b>${heading}</b> ${[summary, which].filter(Boolean).join("; ")}</div>\n` +
      `<table>\n<tbody>\n${rows.join("\n")}\n</tbody>\n</table>`,
  };
}
