import { mostAtOnce, type RunRecord } from "../records/record.ts";
import type { RunSpec } from "../specs/run_spec.ts";

function distinct(values: readonly (string | number)[]): string[] {
  return [...new Set(values.map(String))];
}

/** A value that all tasks share, or each task's own. */
function byTask(specs: readonly RunSpec[], valueOf: (spec: RunSpec) => string | number): string {
  const values = distinct(specs.map(valueOf));
  if (values.length === 1) return values[0];
  const tasks = distinct(specs.map(({ task }) => task));
  const own = (task: string) => distinct(specs.filter((spec) => spec.task === task).map(valueOf)).join(" or ");
  return tasks.map((task) => `${own(task)} (${task})`).join(", ");
}

const isText = (kind: RunSpec["kind"]) => kind === "language-modelling" || kind === "sequence-to-sequence";

/** Where a run's examples are from, in words. */
function dataName({ data: { source, module }, kind }: RunSpec): string {
  if (module) return module.path;
  if (source === "suite") return "the generated suite";
  if (source === "instructions") return "instructions of one's own";
  if (source === "files") return "files of one's own";
  return isText(kind) ? "the task's files" : "GLUE's files";
}

/**
 * How runs were trained, as sentences: steps, batches, rates, model, data, and what they started from. There must be a
 * record.
 *
 * @example
 * ```ts
 * import { type RunRecord, scoreTable, settingsLines } from "@delta-dawn/delta-lora/experiment";
 *
 * const section = (records: readonly RunRecord[]) => [scoreTable(records), "", ...settingsLines(records)].join("\n");
 * ```
 */
export function settingsLines(records: readonly RunRecord[]): string[] {
  const specs = records.map(({ spec }) => spec);
  const [{ model }] = specs;
  const methods = distinct(specs.map(({ method }) => method.name));
  const rates = methods.map((method) => {
    const own = specs.filter((spec) => spec.method.name === method);
    return `${method} ${byTask(own, ({ optimizer }) => optimizer.learningRate)}`;
  });
  const starts = distinct(specs.flatMap(({ start, task }) => start ? `${task} from the ${start.task} run` : []));
  const atOnce = mostAtOnce(records);
  const made = model.module?.path ?? `${model.layers} layers of ${model.hiddenSize}`;
  const encoder = `${model.name}, ${made}, weights ${model.hash.slice(0, 12)}`;
  return [
    `Steps: ${byTask(specs, ({ steps }) => steps)}; examples of a batch: ${
      byTask(specs, ({ batchSize }) => batchSize)
    }; ` +
    `most tokens of an example: ${byTask(specs, ({ model }) => model.length)}.`,
    `Peak rates: ${rates.join("; ")}.`,
    `Every method starts from the same ${isText(specs[0].kind) ? "model" : "encoder"} (${encoder})` +
    `${starts.length > 0 ? `, but ${starts.join(", ")} of the same method and seed` : ""}; ` +
    `data: ${byTask(specs, dataName)}.`,
    "Each method ran with one setting for a task, chosen beforehand, and was not tuned for it.",
    ...atOnce > 1 ? [`Times are of runs on a shared machine, up to ${atOnce} of them at once.`] : [],
  ];
}
