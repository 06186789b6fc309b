import { writeAtomically } from "../../lib/io/mod.ts";
import type { BenchDocument } from "./document.ts";
import { benchFigure } from "./figure.ts";
import { report } from "./tables.ts";

const BEGIN = "<!-- figures: written by `deno task bench --update` -->";
const END = "<!-- end of figures -->";

/** A README with other figures between its two marks. Throws an Error where the marks are not there. */
export function withFigures(readme: string, figures: string): string {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`cannot update a README without the marks ${BEGIN} and ${END}`);
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${figures}\n\n${readme.slice(end)}`;
}

/** Formats files as the gate wants them. */
async function format(...paths: readonly URL[]): Promise<void> {
  const args = ["fmt", "--quiet", ...paths.map(({ pathname }) => pathname)];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (!success) throw new Error(`cannot format the figures: ${new TextDecoder().decode(stderr).trim()}`);
}

/** Writes tables and plots of a run into the README of a folder, and the plots beside it. */
export async function updateReadme(folder: URL, document: BenchDocument): Promise<void> {
  const [readme, figure] = [new URL("README.md", folder), new URL("figures.svg", folder)];
  const figures = `${report(document)}\n\n![Kernels and training steps](figures.svg)`;
  const text = withFigures(await Deno.readTextFile(readme), figures);
  await writeAtomically(figure.pathname, benchFigure(document));
  await writeAtomically(readme.pathname, text);
  await format(readme, figure);
}
