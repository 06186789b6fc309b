import { type FigureOptions, figureSvg } from "./display_figure.ts";
import { tableHtml, tableMarkdown, type TableRow } from "./display_table.ts";

/** Something to show, by MIME type: a front end takes the richest that it knows. */
export type Display = Readonly<Record<string, string>>;

/** Where something is shown and can change. */
export interface Place {
  /** Shows something else in the same place. */
  update(display: Display | string): Promise<void>;
}

/** A figure of Observable Plot's options, to be shown. */
export function figure(options: FigureOptions): Display {
  return { "image/svg+xml": figureSvg(options), "text/plain": options.title };
}

/** A table of rows, to be shown. */
export function table(rows: readonly TableRow[]): Display {
  return { "text/html": tableHtml(rows), "text/plain": tableMarkdown(rows) };
}

/** Long enough for an output to be under way before its cell is done: clients drop what comes later. */
const PAUSE_MILLISECONDS = 50;

async function send(display: Display | string, options: Deno.jupyter.DisplayOptions): Promise<void> {
  const bundle = typeof display === "string" ? { "text/markdown": display, "text/plain": display } : display;
  await Deno.jupyter.display(bundle, { raw: true, ...options });
  await new Promise((done) => setTimeout(done, PAUSE_MILLISECONDS));
}

/** Shows a figure, a table, or a text of Markdown below the running cell of a notebook. Throws where there is none. */
export async function show(display: Display | string): Promise<void> {
  await send(display, {});
}

/** Shows what will change while its cell runs, such as a curve that grows. Throws where there is no notebook. */
export async function showLive(display: Display | string): Promise<Place> {
  const id = crypto.randomUUID();
  await send(display, { display_id: id });
  return { update: (next) => send(next, { display_id: id, update: true }) };
}
