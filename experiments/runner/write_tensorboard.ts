import type { RunRecord } from "../../lib/experiment/records/mod.ts";
import type { RunSpec } from "../../lib/experiment/specs/mod.ts";
import { boardExperiment, boardRun } from "../../lib/experiment/tensorboard/mod.ts";
import { writeAtomically } from "../../lib/io/mod.ts";
import { runBegan } from "./run_began.ts";

/** TensorBoard takes files with `tfevents` in their names. One name alone: what is written again takes its own place. */
const FILE = "events.out.tfevents.0.delta-dawn";

/** Letters that a folder's name may have everywhere. */
const safe = (text: string) => text.replace(/[^\w.=-]+/g, "_");

/** A run's own folder, which TensorBoard calls it by: `rte/lora-seed-0-0123abcd`. */
function folderOf({ hash, spec: { task, method, seed } }: RunRecord): string {
  return `${safe(task)}/${safe(method.name)}-seed-${seed}-${hash.slice(0, 8)}`;
}

/** Writes a recorded run for TensorBoard into a folder of its own within a folder; `out` has its record. */
export async function writeBoardRun(
  folder: string,
  record: RunRecord,
  { out }: { readonly out: string },
): Promise<void> {
  const own = `${folder}/${folderOf(record)}`;
  await Deno.mkdir(own, { recursive: true });
  await writeAtomically(`${own}/${FILE}`, boardRun(record, { began: await runBegan(record, out) / 1000 }));
}

/** Writes for TensorBoard what runs vary and are scored by. */
export async function writeBoardExperiment(folder: string, specs: readonly RunSpec[]): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await writeAtomically(`${folder}/${FILE}`, boardExperiment(specs, { began: Date.now() / 1000 }));
}
