import { NOTEBOOK_DISPLAY, Tensor, type Tree } from "../../tensor/mod.ts";
import { type FigureOptions, figureSvg } from "../figures/figure.ts";
import { recordRows } from "./record_rows.ts";
import { tableHtml, tableMarkdown, type TableRow } from "../tables/table.ts";
import { treeHtml, treeMarkdown, type TreeOptions } from "./tree_table.ts";
import type { RunRecord } from "../records/record.ts";

/** Something to show, as texts by MIME type: a front end takes the richest that it knows. */
export type Display = Readonly<Record<string, string>>;

/** A place in a notebook where what is shown can change. */
export interface Place {
  /** Shows something else in the same place. */
  update(value: Showable): Promise<void>;
}

/** What {@linkcode show} takes: a text of Markdown, a display, a tensor, records of runs, or a tree of tensors. */
export type Showable = string | Display | Tensor | readonly RunRecord[] | object;

/**
 * A figure to be shown: of Observable Plot's options, or of the SVG that {@linkcode comparisonFigure} and its like
 * give.
 *
 * @example
 * ```ts
 * import { axisFigure, figure } from "@delta-dawn/delta-lora/experiment";
 *
 * const rows = [1, 2, 4].map((rank) => ({ task: "rte", seed: 0, method: "lora", score: 0.7 + rank / 100, rank }));
 * console.log(Object.keys(figure(axisFigure(rows, { axis: "rank" })))); // ["image/svg+xml", "text/plain"]
 * ```
 */
export function figure(options: FigureOptions | string): Display {
  if (typeof options !== "string") return { "image/svg+xml": figureSvg(options), "text/plain": options.title };
  return { "image/svg+xml": options, "text/plain": options.match(/ aria-label="([^"]*)"/)?.[1] ?? "a figure" };
}

/**
 * A table of rows, to be shown: in HTML, and in Markdown where there is none. Headings are the names of the rows'
 * fields, in the order in which they first come.
 *
 * @example
 * ```ts
 * import { table } from "@delta-dawn/delta-lora/experiment";
 *
 * const shown = table([{ rank: 2, score: 0.71 }, { rank: 4, score: 0.7354 }]);
 * console.log(shown["text/plain"].split("\n")[3]); // | 4 | 0.7354 |
 * ```
 */
export function table(rows: readonly TableRow[]): Display {
  return { "text/html": tableHtml(rows), "text/plain": tableMarkdown(rows) };
}

/**
 * A tree of tensors, to be shown: its parts open and close. Of a method's or a run's state it says what is trained,
 * what is frozen, and with `written` what the method writes.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 * import { treeTable } from "@delta-dawn/delta-lora/experiment";
 *
 * const shown = treeTable({ "query.weight": dd.ones([3, 4]), "query.bias": dd.ones([3]) });
 * console.log(Object.keys(shown)); // ["text/html", "text/plain"]
 * ```
 */
export function treeTable(tensors: Tree, options: TreeOptions = {}): Display {
  return { "text/html": treeHtml(tensors, options), "text/plain": treeMarkdown(tensors, options) };
}

/**
 * Records of runs as a table, to be shown: the options in which runs of a method differ, scores, memory and speed.
 *
 * @example
 * ```ts
 * import { readRecord, recordTable, show } from "@delta-dawn/delta-lora/experiment";
 *
 * async function cell(paths: readonly string[]) {
 *   await show(recordTable(await Promise.all(paths.map(readRecord))));
 * }
 * ```
 */
export function recordTable(runs: readonly RunRecord[]): Display {
  return table(recordRows(runs));
}

const isRecords = (value: Showable): value is readonly RunRecord[] =>
  Array.isArray(value) && value.length > 0 &&
  value.every((part) => typeof part === "object" && part !== null && "spec" in part && "status" in part);

const isDisplay = (value: Showable): value is Display =>
  Object.entries(value).every(([type, part]) => type.includes("/") && typeof part === "string");

/** What is shown of something, by MIME type. */
async function displayOf(value: Showable): Promise<Display> {
  if (typeof value === "string") return { "text/markdown": value, "text/plain": value };
  if (value instanceof Tensor) return await value[NOTEBOOK_DISPLAY]();
  if (isRecords(value)) return recordTable(value);
  return isDisplay(value) ? value : treeTable(value);
}

/** Long enough for an output to be under way before its cell is done: clients drop what comes later. */
const PAUSE_MILLISECONDS = 50;

async function send(value: Showable, options: Deno.jupyter.DisplayOptions): Promise<void> {
  await Deno.jupyter.display(await displayOf(value), { raw: true, ...options });
  await new Promise((done) => setTimeout(done, PAUSE_MILLISECONDS));
}

/**
 * Shows something below the running cell of a notebook: a figure or a table, a text of Markdown, a tensor, a tree of
 * tensors, records of runs.
 *
 * Throws an Error where there is no notebook.
 *
 * @example
 * ```ts
 * import { show, table } from "@delta-dawn/delta-lora/experiment";
 *
 * async function cell() {
 *   await show("**Scores** by rank");
 *   await show(table([{ rank: 2, score: 0.71 }, { rank: 4, score: 0.7354 }]));
 * }
 * ```
 */
export async function show(value: Showable): Promise<void> {
  await send(value, {});
}

/**
 * Shows what will change while its cell runs, such as a curve that grows, and gives the place where it is.
 *
 * Throws an Error where there is no notebook.
 *
 * @example
 * ```ts
 * import { showLive } from "@delta-dawn/delta-lora/experiment";
 *
 * async function cell() {
 *   const place = await showLive("Step 0");
 *   for (let step = 1; step <= 10; step++) await place.update(`Step ${step}`);
 * }
 * ```
 */
export async function showLive(value: Showable): Promise<Place> {
  const id = crypto.randomUUID();
  await send(value, { display_id: id });
  return { update: (next) => send(next, { display_id: id, update: true }) };
}
