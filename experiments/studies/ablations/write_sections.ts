import { writeTables } from "../../../lib/experiment/records/mod.ts";
import { writeSpecs } from "../../../lib/experiment/records/write_specs.ts";
import { writeAtomically } from "../../../lib/io/mod.ts";
import { comparable } from "../comparable.ts";
import { ablationReport } from "./report.ts";
import type { Evidence, Section } from "./section.ts";

/** Where sections go, and what the report says of how they were made. */
export interface WriteSectionsOptions {
  /** The folder of records, which gets the report, too, where no file is named for it. */
  readonly out: string;
  /** A file for the report: its figures go into the folder of that name without its ending. */
  readonly report?: string;
  /** Writes the tables as Parquet, too. */
  readonly parquet?: boolean;
  /** The command, as the report names it. */
  readonly command: string;
}

/** Writes tables, specs, report and figures, and names the last two. */
export async function writeSections(
  sections: readonly Section[],
  evidence: Evidence,
  { out, report: named, parquet, command, asked }: WriteSectionsOptions & { readonly asked?: readonly string[] },
): Promise<string[]> {
  const records = [...evidence.records.values()];
  await writeTables(out, records, { parquet });
  await writeSpecs(out, [...evidence.records.keys()]);
  const report = named ?? `${out}/ablations.md`;
  const folder = named?.replace(/\.[^./]*$/, "") ?? out;
  await Deno.mkdir(folder, { recursive: true });
  const figures: string[] = [];
  for (const { studyRuns: { study: { name } }, figure } of sections) {
    figures.push(`${folder}/${name}.svg`);
    await writeAtomically(`${folder}/${name}.svg`, `${figure}\n`);
  }
  const prefix = named === undefined ? "" : `${folder.split("/").at(-1)}/`;
  const text = ablationReport(sections, evidence, {
    command,
    asked,
    comparable: comparable(records[0].spec),
    figureOf: (name) => `${prefix}${name}.svg`,
  });
  await writeAtomically(report, text);
  return [report, ...figures];
}
