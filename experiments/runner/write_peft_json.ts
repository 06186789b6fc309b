import { peftResult, recordPath, type RunRecord } from "../../lib/experiment/records/mod.ts";
import { writeAtomically } from "../../lib/io/mod.ts";

/** Letters that a file's name may have everywhere. */
const safe = (text: string) => text.replace(/[^\w.=-]+/g, "_");

/** Experiments' names, `method/model-task-seed`; with the run's hash where several would have one name. */
function namesOf(records: readonly RunRecord[]): string[] {
  const plain = records.map(({ spec: { method, model, task, seed } }) =>
    `${safe(method.name)}/${safe(model.name)}-${safe(task)}-seed-${seed}`
  );
  const counts = Map.groupBy(plain, (name) => name);
  return plain.map((name, i) => counts.get(name)!.length > 1 ? `${name}-${records[i].hash.slice(0, 8)}` : name);
}

/**
 * Writes each run as a file that PEFT's method comparison reads, and gives their names. A run began when its record was
 * written, less the time that it took.
 */
export async function writePeftJson(
  folder: string,
  records: readonly RunRecord[],
  { out }: { readonly out: string },
): Promise<string[]> {
  await Deno.mkdir(folder, { recursive: true });
  const names = namesOf(records);
  return await Promise.all(records.map(async (record, i) => {
    const { mtime } = await Deno.stat(recordPath(out, record.hash));
    const began = (mtime?.getTime() ?? Date.now()) - 1000 * (record.result?.wallSeconds ?? 0);
    const createdAt = new Date(began).toISOString().replace(/\.\d+Z$/, "+00:00");
    const file = `${folder}/${names[i].replace("/", "--")}.json`;
    await writeAtomically(file, `${JSON.stringify(peftResult(record, { name: names[i], createdAt }), undefined, 2)}\n`);
    return file;
  }));
}
