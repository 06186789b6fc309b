// deno task merge --model DIR --adapter DIR --out DIR [--task NAME --data DIR]
import { parseArgs } from "@std/cli/parse-args";
import { openDevice } from "../../mod.ts";
import { checkValues, refuseUnknown } from "../terminal/flags.ts";
import { runCommand } from "../terminal/run_command.ts";
import { plain, withAdapter } from "../runner/model/adapted.ts";
import { usedHead } from "../runner/heads/head.ts";
import { saveLabels } from "../runner/heads/label_file.ts";
import { differenceLine, largestDifference } from "../runner/train/largest_difference.ts";
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
import { writeModelFolder } from "../runner/model/model_folder.ts";
import { requireOtherFolder } from "../runner/model/other_folder.ts";
import { ownFolder, removeResults, requireFree } from "../runner/out_folder.ts";
import { readTask } from "../runner/data/read_task.ts";

/** What `--help` prints. */
export const HELP =
  `Writes a model with an adapter merged into its weights, and says how far its logits are from the adapter's.

  deno task merge --model DIR --adapter DIR --out DIR [flags]

${MODEL_HELP}
${WEIGHTS_HELP}
  --adapter DIR      an adapter in PEFT's format, ours or PEFT's
  --out DIR          gets config.json, model.safetensors, in F32 whatever --weights says, and the tokenizer's files;
                     with --weights f16 the change is added to the weights as f16 has them, as they were in training
  --overwrite        writes over a run, an adapter or a model in --out, which is refused else
  Logits are compared on random tokens, or on examples of a task:
${TASK_HELP}
  --device NAME      swiftshader, lavapipe, browser, or part of a device's name
  --json             one JSON document on standard output, all else on standard error
  --verbose          with the warnings that Dawn has for every software device
  --help             this text`;

/** Flags of the command. */
export const FLAGS = {
  boolean: ["offline", "overwrite", "json", "verbose", "help"],
  string: ["model", "revision", "weights", "adapter", "out", "task", "data", "columns", "kind", "classes", "device"],
} as const;

interface MergeFlags extends ModelFlags, Omit<TaskFlags, "eval-data"> {
  readonly _: readonly (string | number)[];
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly help?: boolean;
  readonly adapter?: string;
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly device?: string;
}

async function main(): Promise<void> {
  checkValues(Deno.args, FLAGS);
  const flags = parseArgs(Deno.args, { ...FLAGS, unknown: refuseUnknown(FLAGS) }) as MergeFlags;
  if (flags.help) return console.log(HELP);
  if (flags._.length > 0) throw new RangeError(`unexpected argument "${flags._[0]}": see --help`);
  const { adapter, out } = flags;
  if (adapter === undefined) throw new RangeError("--adapter is missing: a folder with adapter_config.json");
  if (out === undefined) throw new RangeError("--out is missing: the folder for the merged model");
  const folder = await findModel(flags);
  await requireOtherFolder(out, { "--model": folder, "--adapter": adapter });
  await requireFree(out, flags);
  const head = await usedHead(folder, { adapter, classes: flags.classes });
  const isCompared = flags.task !== undefined || flags.columns !== undefined;
  const task = isCompared ? await readTask(taskOf(flags), { isScored: true, heads: head ? [head] : [] }) : undefined;
  const loaded = await loadModel(folder, { labels: head?.outputs, weights: weightsOf(flags) });
  const adapted = await withAdapter(loaded, adapter);

  using _device = await openDevice({ device: flags.device, report: console.error, verbose: flags.verbose });
  using lock = await ownFolder(out, flags);
  if (flags.overwrite) await removeResults(lock);
  await writeModelFolder(out, adapted.method.merge(adapted.state), { loaded, labels: head });
  if (head) await saveLabels(out, head);
  const merged = await loadModel(out);
  const difference = await largestDifference(
    { loaded, adapted },
    { loaded: merged, adapted: plain(merged) },
    task,
  );
  if (flags.json) console.log(JSON.stringify({ out, difference }));
  else console.log(`${differenceLine(difference)}\nwritten: ${out}`);
}

if (import.meta.main) {
  const isJson = Deno.args.includes("--json");
  await runCommand("merge", main, { json: isJson, say: (message) => inFlags(message, INPUT_PATHS) });
}
