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
const LETTER = 7;

/** Options of Observable Plot's `plot()`. */
export type PlotOptions = Plot.PlotOptions;

/** A figure: Observable Plot's options, and a name. */
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

function legendOf(names: readonly string[], y: number): string {
  let x = MARGIN + 6;
  return names.map((name, i) => {
    const entry = `<circle cx="${x}" cy="${y}" r="5" fill="${COLOURS[i % COLOURS.length]}"/>` +
      `<text x="${x + 10}" y="${y + 4}">${escape(name)}</text>`;
    x += 34 + LETTER * name.length;
    return entry;
  }).join("");
}

/** Plots above each other on one card of paper, as SVG: dark on white, whatever lies around it. */
export function stackSvg({ title, legend = [] }: StackOptions, plots: readonly Plot.PlotOptions[]): string {
  let y = MARGIN + 16;
  const heading = `<text x="${MARGIN}" y="${y - 3}" font-size="14" font-weight="600">${escape(title)}</text>`;
  y += 10;
  const names = legend.length > 0 ? legendOf(legend, y + 6) : "";
  if (names) y += 24;
  const groups = plots.map((plot) => {
    const { group, height } = groupOf(plot, y);
    y += height;
    return group;
  });
  const width = Math.max(...plots.map((plot) => plot.width ?? WIDTH)) + 2 * MARGIN;
  const height = y + MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `role="img" aria-label="${escape(title)}" font-family="system-ui, sans-serif" font-size="12" color="${INK}" ` +
    `fill="${INK}"><rect width="100%" height="100%" rx="6" fill="${PAPER}"/>${heading}${names}${groups.join("")}</svg>`;
}

/** A figure as SVG. With `color: { domain, legend: true }` the names of its colours stand above it. */
export function figureSvg({ title, ...options }: FigureOptions): string {
  const legend = options.color?.legend ? Array.from(options.color.domain ?? [], String) : [];
  return stackSvg({ title, legend }, [options]);
}
