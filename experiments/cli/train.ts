// deno task train --model DIR --task NAME --data DIR --out DIR [--method NAME] [--learning-rate X] …
import { COMMON } from "../terminal/flag_table.ts";
import type { Flags } from "../terminal/flags.ts";
import type { MethodFlags } from "../terminal/method_flags.ts";
import { inFlags } from "../terminal/in_flags.ts";
import { flagHelp, flagNames, readFlags } from "../terminal/read_flags.ts";
import { runCommand } from "../terminal/run_command.ts";
import { MODEL, TASK, WEIGHTS } from "./flag_table.ts";
import { METHOD, TEXTS, TRAIN, TRAIN_OUT, TRAINING } from "./train_flags.ts";
import { METHOD_FLAGS, methodFlags, ownMethodOf, trainPaths } from "./train_draft.ts";

/** What `--help` prints. */
const helpOf = (options: MethodFlags) =>
  `Fine-tunes a model of Hugging Face's, a classifier or one that writes texts, and writes an adapter in PEFT's format.

  deno task train --model DIR|NAME|suite --task NAME --data DIR|suite --out DIR [flags]

${flagHelp({ ...MODEL, ...WEIGHTS, ...TASK, "eval-data": TRAIN["eval-data"] })}

${flagHelp(METHOD)}
${options.help({ targets: "endings of layers' names, or a pattern as /…/; by default the model's usual ones" })}
${flagHelp(TRAINING)}
  Texts:
${flagHelp(TEXTS)}

${flagHelp({ ...TRAIN_OUT, ...COMMON })}`;

/** What `--help` prints unless `--method` is one of your own. */
export const HELP = helpOf(METHOD_FLAGS);

const own = flagNames(TRAIN);

/** Flags of the command. */
export const FLAGS: Flags = {
  boolean: [...own.boolean, ...METHOD_FLAGS.boolean],
  string: [...own.string, ...METHOD_FLAGS.string],
};

/** The flags that decide what places of a spec say; with those of a method of one's own once it is loaded. */
let paths = trainPaths(METHOD_FLAGS);
const inOwnFlags = (text: string) => inFlags(text, paths);

async function main(): Promise<void> {
  const ownMethod = await ownMethodOf(Deno.args);
  const options = ownMethod ? methodFlags([ownMethod]) : METHOD_FLAGS;
  paths = trainPaths(options);
  const typedFlags = readFlags(Deno.args, TRAIN, options);
  const flags: typeof typedFlags = ownMethod ? { ...typedFlags, method: ownMethod.name } : typedFlags;
  if (flags.help) return console.log(helpOf(options));
  const { runTraining } = await import("./run_training.ts"); // all that computes, which help goes without
  await runTraining(flags, { options, paths });
}

if (import.meta.main) {
  const isJson = Deno.args.includes("--json");
  await runCommand("train", main, { json: isJson, say: inOwnFlags });
}
