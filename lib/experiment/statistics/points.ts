import { plural } from "../../text/plural.ts";
import type { Comparison } from "./compare.ts";

/** How scores are printed. */
export interface PointOptions {
  /** What scores are multiplied by: 100, the default, for points in per cent, 1 for metrics printed as they are. */
  readonly scale?: number;
}

/** Digits after the point such that the narrowest interval shows two that count: at least 1, at most 4. */
export function digitsOf({ methods }: Comparison, { scale = 100 }: PointOptions = {}): number {
  const widths = methods.flatMap(({ difference }) =>
    difference?.interval ? scale * (difference.interval[1] - difference.interval[0]) : []
  ).filter((width) => width > 0);
  const fit = (width: number) => Math.min(4, Math.max(1, 1 - Math.floor(Math.log10(width))));
  return widths.length > 0 ? fit(Math.min(...widths)) : scale === 1 ? 3 : 1;
}

/** A number with a true minus, and with a plus where asked; what rounds to 0 has no minus. */
export function formatPoints(
  value: number,
  { digits, isSigned = false }: { readonly digits: number; readonly isSigned?: boolean },
): string {
  const text = Math.abs(value).toFixed(digits);
  const isZero = Number(text) === 0;
  return `${value < 0 && !isZero ? "−" : isSigned ? "+" : ""}${text}`;
}

/** A margin with its unit: `2 points` in per cent, the number alone elsewhere. */
export function marginText(margin: number, { scale = 100 }: PointOptions = {}): string {
  const value = Number((scale * margin).toPrecision(3));
  return scale === 100 ? plural(value, "point") : String(value);
}

/** A p-value with two digits that count. */
export function formatP(p: number): string {
  return p < 0.001 ? "< 0.001" : String(Number(p.toPrecision(2)));
}

/** A share in per cent: 95 %. */
export function formatConfidence(level: number): string {
  return `${Number((100 * (1 - level)).toPrecision(4))} %`;
}
