import { recordPath, type RunRecord, writeTables } from "../../lib/experiment/records/mod.ts";
import { writeSpecs } from "../../lib/experiment/records/write_specs.ts";
import { findRecord } from "../../lib/experiment/records/find_record.ts";
import { isFile } from "../../lib/io/is_file.ts";
import { writeAtomically } from "../../lib/io/mod.ts";
import { type KeptSweep, taskFolder } from "./sweep_file.ts";

/** What was collected. */
export interface Collected {
  /** All records that there are, in the grid's order. */
  readonly records: readonly RunRecord[];
  /** How many runs have none. */
  readonly missing: number;
  /** Files that are no whole records, and why; their tasks make them anew. */
  readonly damaged: readonly string[];
}

/** Folders within one of records, and the ending of a run's file in each: what others start from, texts, its record. */
const KEPT = [["trained", "safetensors"], ["predictions", "jsonl"], ["runs", "arrow"]] as const;

/** Copies what a run left from one folder of records into another, its record last; each file is there whole or not at all. */
export async function copyRun(
  hash: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  for (const [folder, ending] of KEPT) {
    const name = `${folder}/${hash}.${ending}`;
    if (!await isFile(`${from}/${name}`)) continue;
    await Deno.mkdir(`${to}/${folder}`, { recursive: true });
    await writeAtomically(`${to}/${name}`, await Deno.readFile(`${from}/${name}`));
  }
}

/**
 * Brings the records of all tasks into the folder of records, whose right to write the caller has, and writes the tables
 * of all of them in the grid's order. What was collected before stays; a failed record gives way to a finished one.
 */
export async function collectSweep(
  sweep: KeptSweep,
  { parquet }: { readonly parquet?: boolean } = {},
): Promise<Collected> {
  const { out, specs, tasks } = sweep;
  const damaged: string[] = [];
  for (const { name, runs } of tasks) {
    const from = taskFolder(out, name);
    for (const hash of runs) {
      const spec = specs.get(hash)!;
      const here = await findRecord(out, spec);
      if (here.kind === "finished") continue;
      const there = await findRecord(from, spec);
      if (there.kind === "finished" || there.kind === "failed" && here.kind !== "failed") {
        await copyRun(hash, { from, to: out });
      } else if (there.kind === "damaged") damaged.push(`${recordPath(from, hash)}: ${there.reason}`);
    }
  }
  const found = await Promise.all([...specs.values()].map((spec) => findRecord(out, spec)));
  const records = found.flatMap((one) => "record" in one ? [one.record] : []);
  await writeSpecs(out, [...specs.values()]);
  await writeTables(out, records, { parquet });
  return { records, missing: specs.size - records.length, damaged };
}
