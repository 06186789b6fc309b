// deno task evaluate --model DIR [--adapter DIR] --task NAME --data DIR [--logits FILE]
import { parseArgs } from "@std/cli/parse-args";
import { openDevice } from "../../mod.ts";
import { writeAtomically } from "../../lib/io/mod.ts";
import { checkValues, refuseUnknown, wholeNumber } from "../terminal/flags.ts";
import { tell } from "../terminal/tell.ts";
import { runCommand } from "../terminal/run_command.ts";
import { plain, withAdapter } from "../runner/model/adapted.ts";
import { usedHead } from "../runner/heads/head.ts";
import { findModel, loadModel } from "../runner/model/load_model.ts";
import { inFlags, INPUT_PATHS } from "./in_flags.ts";
import {
  MODEL_HELP,
  type ModelFlags,
  TASK_HELP,
  type TaskFlags,
  taskOf,
  WEIGHTS_HELP,
  weightsOf,
} from "./task_flags.ts";
import { outputsOf, readTask } from "../runner/data/read_task.ts";
import { score } from "../runner/train/score.ts";
import { lengthOf } from "../runner/complete_spec.ts";
import { understoodLines } from "../runner/data/understood.ts";

/** What `--help` prints. */
export const HELP = `Scores a sequence classifier, with an adapter or without: metrics as JSON on standard output.

  deno task evaluate --model DIR [--adapter DIR] --task NAME --data DIR|suite [flags]

${MODEL_HELP}
${WEIGHTS_HELP}
  --adapter DIR      an adapter in PEFT's format, ours or PEFT's
${TASK_HELP}
                     --data is the file that is scored; its labels are classes of the head, which may have others
  --logits FILE      gets one JSON array an example, in the file's order; MNLI's mismatched ones behind the matched
  --batch N          examples at a time, 32 by default
  --max-length N     most tokens of an example, 128 by default, or what model and tokenizer allow
  --device NAME      swiftshader, lavapipe, browser, or part of a device's name
  --verbose          with the warnings that Dawn has for every software device
  --help             this text

Metrics are by set: dev, and MNLI's mismatched.`;

/** Flags of the command. */
export const FLAGS = {
  boolean: ["offline", "verbose", "help"],
  string: [
    "model",
    "revision",
    "weights",
    "adapter",
    "task",
    "data",
    "columns",
    "kind",
    "classes",
    "logits",
    "batch",
    "max-length",
    "device",
  ],
} as const;

interface EvaluateFlags extends ModelFlags, Omit<TaskFlags, "eval-data"> {
  readonly _: readonly (string | number)[];
  readonly verbose?: boolean;
  readonly help?: boolean;
  readonly adapter?: string;
  readonly logits?: string;
  readonly batch?: string;
  readonly "max-length"?: string;
  readonly device?: string;
}

async function main(): Promise<void> {
  checkValues(Deno.args, FLAGS);
  const flags = parseArgs(Deno.args, { ...FLAGS, unknown: refuseUnknown(FLAGS) }) as EvaluateFlags;
  if (flags.help) return console.log(HELP);
  if (flags._.length > 0) throw new RangeError(`unexpected argument "${flags._[0]}": see --help`);
  const { adapter, logits } = flags;
  const batchSize = wholeNumber("batch", flags.batch ?? "32");
  const length = flags["max-length"] === undefined ? undefined : wholeNumber("max-length", flags["max-length"]);
  const folder = await findModel(flags);
  const head = await usedHead(folder, flags);
  const task = await readTask(taskOf(flags), { isScored: true, heads: head ? [head] : [] });
  const loaded = await loadModel(folder, { labels: outputsOf(task), weights: weightsOf(flags) });
  const maxLength = lengthOf(length, loaded);
  const adapted = adapter === undefined ? plain(loaded) : await withAdapter(loaded, adapter);

  using _device = await openDevice({ device: flags.device, report: tell, verbose: flags.verbose });
  for (
    const line of understoodLines({ task: { ...task, train: [] }, tokenizer: loaded.tokenizer, maxLength, fresh: [] })
  ) {
    console.error(line);
  }
  const scores = await score(loaded, adapted, task, { batchSize, maxLength });
  if (logits !== undefined) {
    const rows = Object.values(scores).flatMap((set) => set.logits);
    await writeAtomically(logits, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  }
  const entries = Object.entries(scores);
  console.log(JSON.stringify({
    task: task.name,
    metrics: Object.fromEntries(entries.map(([name, { metrics }]) => [name, metrics])),
    examples: Object.fromEntries(entries.map(([name, { examples }]) => [name, examples])),
  }));
}

if (import.meta.main) await runCommand("evaluate", main, { say: (message) => inFlags(message, INPUT_PATHS) });
