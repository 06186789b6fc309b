import { GLUE_TASKS } from "../../lib/data/tasks.ts";
import { requireName } from "../../lib/text/nearest.ts";
import type { ColumnsSpec } from "../../lib/experiment/specs/mod.ts";
import { INSTRUCTIONS, isTextTask, TEXT_TASKS } from "../runner/data/text_names.ts";
import { isModulePath } from "../runner/own_module.ts";
import type { TaskSource } from "../runner/data/raw_task.ts";
import type { FlagValues } from "../terminal/read_flags.ts";
import type { TASK } from "./flag_table.ts";
import type { TRAIN } from "./train_flags.ts";

/** Flags that name a task. */
export type TaskFlags =
  & Partial<FlagValues<typeof TASK>>
  & Partial<FlagValues<Pick<typeof TRAIN, "eval-data">>>;

function columnsOf(columns: string): ColumnsSpec {
  const names = columns.split(",").map((name) => name.trim());
  if (names.length < 2 || names.length > 3 || names.includes("")) {
    throw new RangeError(`--columns names a text, perhaps a second one, and the label, not "${columns}"`);
  }
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new RangeError(`--columns names "${twice}" twice: each column is another part`);
  const [text, second, last] = names;
  return last === undefined ? { text, label: second } : { text, text2: second, label: last };
}

/** A task whose answers are texts. */
function textTaskOf(task: string, { data, "eval-data": evalData, classes }: TaskFlags): TaskSource {
  if (classes !== undefined) throw new RangeError(`--classes belongs to tasks with classes: ${task} has texts`);
  if (data !== undefined) return { task, data, evalData };
  const what = task === INSTRUCTIONS
    ? "FILE, JSON lines of messages, or of prompt and completion"
    : "DIR, a folder with its files";
  throw new RangeError(`--task ${task} needs its data: --data ${what}`);
}

/**
 * The task that flags name, as specs have it.
 *
 * Throws a RangeError where flags are missing or contradict each other.
 */
export function taskOf(flags: TaskFlags): TaskSource {
  const { task, data, "eval-data": evalData, kind, classes } = flags;
  if (task !== undefined && flags.columns !== undefined) {
    throw new RangeError("--task and --columns exclude each other");
  }
  if (task !== undefined) {
    const isInstructions = task === INSTRUCTIONS;
    if (evalData !== undefined && !isInstructions) {
      throw new RangeError("--eval-data belongs to --columns: a task has its own dev files");
    }
    if (kind !== undefined) throw new RangeError("--kind belongs to --columns: a task has its own kind");
    if (isModulePath(task)) {
      if (data === undefined) return { task, classes };
      throw new RangeError(`--data belongs to GLUE's tasks and --columns: ${task} has examples of its own`);
    }
    const known = requireName("task", task, [...Object.keys(GLUE_TASKS), ...TEXT_TASKS]);
    if (isTextTask(known)) return textTaskOf(known, flags);
    if (data !== undefined) return { task: known, data, classes };
    throw new RangeError(
      `--task ${task} needs its data: --data DIR, a folder with GLUE's files, or --data suite for generated texts`,
    );
  }
  if (flags.columns === undefined) {
    throw new RangeError("what is to be learned is missing: --task NAME, or --columns and --data");
  }
  if (data === undefined) throw new RangeError("--columns needs the file: --data FILE");
  const columns = columnsOf(flags.columns);
  return { data, evalData, columns, labels: kind, classes };
}
