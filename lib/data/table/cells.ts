import { quoted } from "../../text/quoted.ts";

/** A finite number in the form that programs write: `3`, `-1.5`, `.5`, `2e-3`. */
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** The finite number that a cell is, as one or as its text; `undefined` of everything else. */
export function numberOf(cell: unknown): number | undefined {
  if (typeof cell === "string" && !NUMBER.test(cell.trim())) return undefined;
  if (typeof cell !== "string" && typeof cell !== "number" && typeof cell !== "bigint") return undefined;
  const number = Number(cell);
  return Number.isFinite(number) ? number : undefined;
}

/** Whether a cell holds nothing: null, NaN, an absent key or blank text. */
export function isMissing(cell: unknown): boolean {
  if (typeof cell === "string") return cell.trim() === "";
  return cell === null || cell === undefined || Number.isNaN(cell);
}

/** The text of a cell that has one; `undefined` where it is missing, or an object or a list. */
export function textOf(cell: unknown): string | undefined {
  if (isMissing(cell)) return undefined;
  if (typeof cell === "string") return cell;
  return typeof cell === "number" || typeof cell === "bigint" || typeof cell === "boolean" ? String(cell) : undefined;
}

/** A cell as messages show it. */
export function shown(cell: unknown): string {
  if (typeof cell === "number" || typeof cell === "bigint") return String(cell);
  if (cell === undefined) return "missing";
  if (cell instanceof Uint8Array) return "bytes that are no UTF-8";
  if (typeof cell === "string") return cell.trim() === "" ? "empty" : quoted(cell);
  return quoted(cell);
}
