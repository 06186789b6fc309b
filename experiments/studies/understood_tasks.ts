import type { GlueTaskName } from "../../lib/data/mod.ts";
import type { RunSpec } from "../../lib/experiment/mod.ts";
import type { Inputs } from "../runner/data/inputs.ts";
import { SUITE } from "../suite/suite_folder.ts";
import type { Head } from "../runner/heads/head.ts";
import { matchClasses } from "../runner/heads/match_classes.ts";
import { rawGlueTask, type RawTask } from "../runner/data/raw_task.ts";
import { difference, outputsOf } from "../runner/data/read_task.ts";
import { understoodLines } from "../runner/data/understood.ts";

/** What is to be known of a run. */
type Seen = Pick<RunSpec, "task"> & { readonly model: Pick<RunSpec["model"], "length"> };

/** In what order a task's classes are, and how the head that answers comes to have it, in words. */
function orderOf({ ownOrder, words }: RawTask, head: Head | undefined): string {
  if (!head) return ownOrder;
  if (!head.isNamed) return `${ownOrder}, as ${head.owner} has but numbers for its classes`;
  const isOwn = matchClasses(words, head)?.order.every((number, i) => number === i);
  return isOwn
    ? `${ownOrder}, as ${head.source} has it`
    : `${ownOrder}, into which the head's are put from that of ${head.source}`;
}

/** What runs make of one task's data and the model, in lines for people. */
async function taskLines(inputs: Inputs, { task, model: { length } }: Seen): Promise<string[]> {
  const [data, model] = [await inputs.data(task as GlueTaskName), await inputs.model()];
  const { tokenizer, head } = model;
  if (!tokenizer) throw new Error(`internal: tokens are asked of ${model.reference.name}, which has no tokenizer`);
  const raw = rawGlueTask(data, inputs.sources.data ?? SUITE);
  const { fresh, usesHead } = model.classifier({ labels: outputsOf(raw), classes: raw.words });
  const order = orderOf(raw, usesHead ? head : undefined);
  const unfit = head && !usesHead ? [difference(head, raw)] : [];
  return understoodLines({ task: { ...raw, order, unfit }, tokenizer, maxLength: length, fresh });
}

/** What runs make of their data and their model, in lines for people: once for each task, and next to nothing of what ships. */
export async function understoodTasks(inputs: Inputs, specs: readonly Seen[]): Promise<string[]> {
  const { reference } = await inputs.model();
  if (inputs.dataSource === "suite" && reference.source === undefined) {
    return ["data: generated texts of the suite, for its own encoder"];
  }
  const byTask = new Map(specs.map((spec) => [spec.task, spec]));
  const lines = await Promise.all(byTask.values().map((spec) => taskLines(inputs, spec)));
  return [`model: ${reference.name}`, ...lines.flat()];
}
