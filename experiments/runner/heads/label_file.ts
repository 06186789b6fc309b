import { writeAtomically } from "../../../lib/io/mod.ts";
import type { LabelSet } from "./label_set.ts";

/** Writes what a run's labels are beside its adapter, which does not know. */
export async function saveLabels(folder: string, { kind, labels }: LabelSet): Promise<void> {
  await writeAtomically(`${folder}/labels.json`, `${JSON.stringify({ kind, labels })}\n`);
}

/** What labels were when an adapter was trained; `undefined` where it was not trained here. */
export async function loadLabels(folder: string): Promise<LabelSet | undefined> {
  const path = `${folder}/labels.json`;
  try {
    const { kind, labels } = JSON.parse(await Deno.readTextFile(path));
    const isSet = (kind === "classes" || kind === "regression") && Array.isArray(labels) &&
      labels.every((label) => typeof label === "string");
    if (!isSet) throw new SyntaxError("it describes no labels");
    return { kind, labels };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}
