// deno task evaluate --model DIR [--adapter DIR] --task NAME --data DIR [--logits FILE]
import { openDevice } from "../../mod.ts";
import { writeAtomically } from "../../lib/io/mod.ts";
import { lengthOf } from "../runner/complete_spec.ts";
import { understoodLines } from "../runner/data/understood.ts";
import { findModel } from "../runner/model/load_model.ts";
import { openClassifier } from "../runner/open_classifier.ts";
import { score } from "../runner/train/score.ts";
import { COMMON, type FlagTable } from "../terminal/flag_table.ts";
import { sayInFlags } from "../terminal/in_flags.ts";
import { flagHelp, readFlags } from "../terminal/read_flags.ts";
import { runCommand } from "../terminal/run_command.ts";
import { tell } from "../terminal/tell.ts";
import { ADAPTER, LENGTH, MODEL, TASK, WEIGHTS } from "./flag_table.ts";
import { taskOf } from "./task_flags.ts";

/** Flags of the command. */
export const FLAGS = {
  ...MODEL,
  ...WEIGHTS,
  ...ADAPTER,
  ...TASK,
  data: {
    ...TASK.data,
    help: `${TASK.data.help}\nhere the file that is scored; its labels are classes of the head, which may have others`,
  },
  logits: {
    takes: "text",
    value: "FILE",
    help: "gets one JSON array an example, in the file's order; MNLI's mismatched ones behind the matched",
  },
  batch: { takes: "integer", value: "N", help: "examples at a time, 32 by default" },
  ...LENGTH,
  device: COMMON.device,
  verbose: COMMON.verbose,
  help: COMMON.help,
} as const satisfies FlagTable;

/** What `--help` prints. */
export const HELP = `Scores a sequence classifier, with an adapter or without: metrics as JSON on standard output.

  deno task evaluate --model DIR [--adapter DIR] --task NAME --data DIR|suite [flags]

${flagHelp(FLAGS)}

Metrics are by set: dev, and MNLI's mismatched.`;

const say = sayInFlags(FLAGS);

async function main(): Promise<void> {
  const flags = readFlags(Deno.args, FLAGS);
  if (flags.help) return console.log(HELP);
  const { model, revision, offline, weights, adapter, classes, logits, batch: batchSize = 32, device } = flags;
  const { task, loaded, adapted } = await openClassifier(await findModel({ model, revision, offline }), {
    adapter,
    classes,
    weights,
    task: taskOf(flags),
  });
  const maxLength = lengthOf(flags["max-length"], loaded);

  using _device = await openDevice({ device, report: tell, verbose: flags.verbose });
  for (
    const line of understoodLines({ task: { ...task, train: [] }, tokenizer: loaded.tokenizer, maxLength, fresh: [] })
  ) {
    console.error(say(line));
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

if (import.meta.main) await runCommand("evaluate", main, { say });
