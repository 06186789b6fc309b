import { peftResult, type RunRecord } from "../../lib/experiment/records/mod.ts";
import { writeAtomically } from "../../lib/io/mod.ts";
import { runBegan } from "./run_began.ts";

/** Letters that a file's name may have everywhere. */
const safe = (text: string) => text.replace(/[^\w.=-]+/g, "_");

/**
 * An experiment's name, `method/model-task-seed-0-hash`: a run's is its own, so that commands that write into one folder
 * leave each other's files.
 */
function nameOf({ hash, spec: { method, model, task, seed } }: RunRecord): string {
  return `${safe(method.name)}/${safe(model.name)}-${safe(task)}-seed-${seed}-${hash.slice(0, 8)}`;
}

/**
 * Writes each run as a file that PEFT's method comparison reads, and gives their names.
 */
export async function writePeftJson(
  folder: string,
  records: readonly RunRecord[],
  { out }: { readonly out: string },
): Promise<string[]> {
  await Deno.mkdir(folder, { recursive: true });
  return await Promise.all(records.map(async (record) => {
    const createdAt = new Date(await runBegan(record, out)).toISOString().replace(/\.\d+Z$/, "+00:00");
    const name = nameOf(record);
    const file = `${folder}/${name.replace("/", "--")}.json`;
    await writeAtomically(file, `${JSON.stringify(peftResult(record, { name, createdAt }), undefined, 2)}\n`);
    return file;
  }));
}
