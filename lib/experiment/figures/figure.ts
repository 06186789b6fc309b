import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

/** Colours that keep their distance on white, also for the colour-blind (Okabe and Ito, the darker ones first). */
export const COLOURS: readonly string[] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"];

const INK = "#1f2328";
/** What figures stand on. */
export const PAPER = "#ffffff";
const MARGIN = 12;
const WIDTH = 680;
/** Mean width of a letter at 12 px, a little too much: names in a legend must not run into each other. */
export const LETTER = 7;
/** Between lines of a legend. */
const LEGEND_LINE = 20;

/** Options of Observable Plot's `plot()`. */
export type PlotOptions = Plot.PlotOptions;

/** A figure: options of Observable Plot, and its title. */
export interface FigureOptions extends Omit<PlotOptions, "title" | "subtitle" | "caption" | "document" | "style"> {
  /** Stands above the figure, and is what those hear who do not see it. */
  readonly title: string;
}

/** One legend for plots that lie above each other. */
export interface StackOptions {
  readonly title: string;
  /** Names of the legend's colours, in the order of {@linkcode COLOURS}; none by default. */
  readonly legend?: readonly string[];
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

/** A plot as a group at a height, and how high it is. */
function groupOf(options: Plot.PlotOptions, y: number): { group: string; height: number } {
  const { document } = parseHTML("<html><body></body></html>");
  const style = { background: "transparent", color: INK, fontSize: "12px" };
  const color = { range: COLOURS, ...options.color, legend: undefined };
  const plot = Plot.plot({
    width: WIDTH,
    height: 260,
    // Room for the label below the ticks: Plot's own is made for smaller letters.
    marginBottom: 42,
    ...options,
    color,
    // Plot asks for the DOM's own type, of which linkedom has what Plot uses.
    document: document as unknown as Document,
    style,
  });
  if (plot.tagName.toLowerCase() !== "svg") throw new Error(`internal: a plot became a <${plot.tagName}>`);
  // A nested <svg> would take its height from Plot's style sheet, which is made for pages.
  const attributes = ["class", "fill", "font-family", "text-anchor"]
    .map((name) => `${name}="${escape(plot.getAttribute(name) ?? "")}"`).join(" ");
  return {
    group: `<g ${attributes} font-size="12" transform="translate(${MARGIN}, ${y})">${plot.innerHTML}</g>`,
    height: Number(plot.getAttribute("height")),
  };
}

/** Dots with names behind them, in as many lines as the width asks for. Colours that come again are rings. */
function legendOf(names: readonly string[], { y: top, width }: { readonly y: number; readonly width: number }): {
  readonly text: string;
  readonly height: number;
} {
  let [x, y] = [MARGIN + 6, top];
  const entries = names.map((name, i) => {
    const length = 34 + LETTER * name.length;
    if (x > MARGIN + 6 && x + length > width) [x, y] = [MARGIN + 6, y + LEGEND_LINE];
    const colour = COLOURS[i % COLOURS.length];
    const fill = i < COLOURS.length ? `fill="${colour}"` : `fill="${PAPER}" stroke="${colour}" stroke-width="2"`;
    const entry = `<circle cx="${x}" cy="${y}" r="5" ${fill}/><text x="${x + 10}" y="${y + 4}">${escape(name)}</text>`;
    x += length;
    return entry;
  });
  return { text: entries.join(""), height: names.length > 0 ? y - top + 24 : 0 };
}

/** Plots above each other on one card of paper, as an SVG: dark on white, whatever lies around it. */
export function stackSvg({ title, legend = [] }: StackOptions, plots: readonly Plot.PlotOptions[]): string {
  let y = MARGIN + 16;
  const heading = `<text x="${MARGIN}" y="${y - 3}" font-size="14" font-weight="600">${escape(title)}</text>`;
  y += 10;
  const inside = Math.ceil(Math.max(...plots.map((plot) => plot.width ?? WIDTH)));
  const names = legendOf(legend, { y: y + 6, width: inside + MARGIN });
  y += names.height;
  const groups = plots.map((plot) => {
    const { group, height } = groupOf(plot, y);
    y += height;
    return group;
  });
  const width = inside + 2 * MARGIN;
  const height = y + MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `role="img" aria-label="${escape(title)}" font-family="system-ui, sans-serif" font-size="12" color="${INK}" ` +
    `fill="${INK}"><rect width="100%" height="100%" rx="6" fill="${PAPER}"/>${heading}${names.text}${
      groups.join("")
    }</svg>`;
}

/** A figure as an SVG. With `color: { domain, legend: true }` the names of its colours stand above it. */
export function figureSvg({ title, ...options }: FigureOptions): string {
  const legend = options.color?.legend ? Array.from(options.color.domain ?? [], String) : [];
  return stackSvg({ title, legend }, [options]);
}
