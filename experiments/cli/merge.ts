// deno task merge --model DIR --adapter DIR --out DIR [--task NAME --data DIR]
import { openDevice } from "../../mod.ts";
import { saveLabels } from "../runner/heads/label_file.ts";
import { plain } from "../runner/model/adapted.ts";
import { findModel, isOwnModel, loadModel } from "../runner/model/load_model.ts";
import { writeModelFolder } from "../runner/model/model_folder.ts";
import { requireOtherFolder } from "../runner/model/other_folder.ts";
import { openClassifier } from "../runner/open_classifier.ts";
import { ownFolder, removeResults, requireFree } from "../runner/out_folder.ts";
import { differenceLine, largestDifference } from "../runner/train/largest_difference.ts";
import { COMMON, type FlagTable } from "../terminal/flag_table.ts";
import { sayInFlags } from "../terminal/in_flags.ts";
import { flagHelp, readFlags } from "../terminal/read_flags.ts";
import { runCommand } from "../terminal/run_command.ts";
import { ADAPTER, MODEL, OVERWRITE, TASK, WEIGHTS } from "./flag_table.ts";
import { taskOf } from "./task_flags.ts";

/** What is merged, and where it goes. */
const MERGED = {
  ...MODEL,
  ...WEIGHTS,
  ...ADAPTER,
  out: {
    takes: "text",
    value: "DIR",
    path: "out",
    help: "gets config.json, model.safetensors, in F32 whatever --weights says, and the tokenizer's files; with " +
      "--weights f16 the change is added to the weights as f16 has them, as they were in training",
  },
  ...OVERWRITE,
} as const satisfies FlagTable;

/** Flags of the command. */
export const FLAGS = { ...MERGED, ...TASK, ...COMMON } as const satisfies FlagTable;

/** What `--help` prints. */
export const HELP =
  `Writes a model with an adapter merged into its weights, and says how far its logits are from the adapter's.

  deno task merge --model DIR --adapter DIR --out DIR [flags]

${flagHelp(MERGED)}
  Logits are compared on random tokens, or on examples of a task:
${flagHelp({ ...TASK, ...COMMON })}`;

async function main(): Promise<void> {
  const flags = readFlags(Deno.args, FLAGS);
  if (flags.help) return console.log(HELP);
  const { model, revision, offline, weights, adapter, classes, out, overwrite, device, verbose } = flags;
  if (adapter === undefined) throw new RangeError("--adapter is missing: a folder with adapter_config.json");
  if (out === undefined) throw new RangeError("--out is missing: the folder for the merged model");
  const folder = await findModel({ model, revision, offline });
  if (isOwnModel(folder)) {
    throw new RangeError(
      `cannot write ${folder} as a folder in Hugging Face's layout, as transformers has no such model: evaluate and ` +
        "train take the adapter as it is",
    );
  }
  await requireOtherFolder(out, { "model.name": folder, adapter });
  await requireFree(out, { overwrite });
  const isCompared = flags.task !== undefined || flags.columns !== undefined;
  const opened = await openClassifier(folder, {
    adapter,
    classes,
    weights,
    task: isCompared ? taskOf(flags) : undefined,
  });
  const { loaded, adapted, head, task } = opened;

  using _device = await openDevice({ device, report: console.error, verbose });
  using lock = await ownFolder(out, { overwrite });
  if (overwrite) await removeResults(lock);
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
  await runCommand("merge", main, { json: isJson, say: sayInFlags(FLAGS) });
}
