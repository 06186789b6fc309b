import { writeAtomically } from "../../../lib/io/mod.ts";
import type { WrittenRow } from "../data/text_metrics.ts";
import { type Score, TEXTS } from "./score.ts";

/** Where the texts of a run lie in a folder of records. */
export function predictionsPath(out: string, hash: string): string {
  return `${out}/predictions/${hash}.jsonl`;
}

/** Written texts as JSON lines: source, references, text, and its scores by metric. */
export function predictionLines(rows: readonly WrittenRow[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

/** Writes the texts of a run beside the records, where it wrote some. */
export async function savePredictions(
  out: string,
  hash: string,
  scores: Readonly<Record<string, Score>>,
): Promise<void> {
  const rows = scores[TEXTS]?.texts;
  if (!rows) return;
  await Deno.mkdir(`${out}/predictions`, { recursive: true });
  await writeAtomically(predictionsPath(out, hash), predictionLines(rows));
}
