import type { RunSpec } from "../../lib/experiment/specs/mod.ts";
import type { Inputs } from "../runner/data/inputs.ts";
import { outputsOf } from "../runner/data/read_task.ts";
import { understoodLines } from "../runner/data/understood.ts";
import { sizeOfName } from "../suite/encoders.ts";

/** What is to be known of a run. */
type Seen = Pick<RunSpec, "task"> & {
  readonly data?: Pick<RunSpec["data"], "module">;
  readonly model: Pick<RunSpec["model"], "length">;
};

/** What runs make of one task's data and the model, in lines for people. */
async function taskLines(inputs: Inputs, seen: Seen): Promise<string[]> {
  const { module } = seen.data ?? {};
  const task = await inputs.task({ task: seen.task, ...module && { data: { module } } });
  const { tokenizer, reference, classifier } = await inputs.model();
  if (!tokenizer) throw new Error(`internal: tokens are asked of ${reference.name}, which has no tokenizer`);
  const { fresh } = classifier({ labels: outputsOf(task), isFresh: !task.usesHead, readout: task.readout });
  return understoodLines({ task, tokenizer, maxLength: seen.model.length, fresh });
}

/** An encoder of the suite in a line for people; none for the one that ships. */
export function encoderLines(
  { name, layers, hiddenSize }: Pick<RunSpec["model"], "name" | "layers" | "hiddenSize">,
): string[] {
  return sizeOfName(name) === "small" ? [] : [`model: ${name}, ${layers} layers of ${hiddenSize}`];
}

/** What runs make of their data and their model, in lines for people: once for each task, and next to nothing of what ships. */
export async function understoodTasks(inputs: Inputs, specs: readonly Seen[]): Promise<string[]> {
  const { reference } = await inputs.model();
  const byTask = [...new Map(specs.map((spec) => [spec.task, spec])).values()];
  const isShipped = inputs.isSuite && reference.source === undefined;
  const shown = isShipped ? byTask.filter(({ data }) => data?.module) : byTask;
  const lines = await Promise.all(shown.map((spec) => taskLines(inputs, spec)));
  const suite = shown.length < byTask.length || byTask.length === 0;
  return [
    ...isShipped && suite ? ["data: generated texts of the suite, for its own encoder"] : [],
    ...isShipped ? encoderLines(reference) : [`model: ${reference.name}`],
    ...lines.flat(),
  ];
}
