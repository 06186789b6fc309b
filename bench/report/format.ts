import { markdownTable } from "markdown-table";
import type { Timing } from "../measure/turns.ts";

/** A number with the digits that count: three, two below 1, and no fraction of hundreds. */
export function digits(value: number): string {
  if (Math.abs(value) < 1) return value.toPrecision(2);
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}

/** The best of rounds beside their median. */
export const pair = (best: number, median: number) => `${digits(best)} / ${digits(median)}`;
/** Best and median of a timing. */
export const milliseconds = ({ best, median }: Timing) => pair(best, median);
/** Bytes in MiB. */
export const mebibytes = (bytes: number) => digits(bytes / 2 ** 20);

/** A table whose first column is text and whose others are numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return markdownTable([[...head], ...rows.map((row) => [...row])], {
    align: ["l", ...head.slice(1).map(() => "r")],
  });
}
