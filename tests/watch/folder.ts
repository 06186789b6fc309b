import { hashSpec, recordPath, type RunRecord, type RunSpec, writeRecord } from "../../lib/experiment/mod.ts";
import { writeSpecs } from "../../lib/experiment/records/write_specs.ts";
import { sampleResult, sampleSpec } from "../experiment/samples.ts";

/** What would be a program if it were read as HTML. */
export const HOSTILE = `<img src=x onerror="globalThis.isHarmed=true">`;

/** Runs of two methods on a task over seeds. */
export function specsOf(seeds: number): RunSpec[] {
  return ["lora", "delta-lora"].flatMap((name) =>
    Array.from({ length: seeds }, (_, seed) => sampleSpec({ seed, method: { name, rank: name === "lora" ? 8 : 4 } }))
  );
}

/** Records a run. */
export async function record(folder: string, spec: RunSpec, parts: Partial<RunRecord> = {}): Promise<RunRecord> {
  const hash = await hashSpec(spec);
  const score = 0.6 + spec.seed / 100 + (spec.method.name === "lora" ? 0 : 0.05 + spec.seed / 1000);
  const result = sampleResult({ metrics: { matthewsCorrelation: score } });
  const whole: RunRecord = { hash, spec, status: "finished", result, isModified: false, ...parts };
  await Deno.mkdir(`${folder}/runs`, { recursive: true });
  await writeRecord(recordPath(folder, hash), whole);
  return whole;
}

/** A folder of a grid with all but the last of its runs recorded; the last is still to come. */
export async function fill(folder: string, specs: readonly RunSpec[]): Promise<RunRecord[]> {
  await Deno.mkdir(folder, { recursive: true });
  await writeSpecs(folder, specs);
  const records: RunRecord[] = [];
  for (const spec of specs.slice(0, -1)) records.push(await record(folder, spec));
  return records;
}
