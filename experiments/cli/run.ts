// deno task run FILE [--set PATH=VALUE] [--dry-run] …
import { expandRunFile } from "../../lib/experiment/specs/mod.ts";
import { messageOf } from "../../lib/text/message_of.ts";
import type { FlagTable } from "../terminal/flag_table.ts";
import { sayInFlags } from "../terminal/in_flags.ts";
import { flagHelp, readFlags } from "../terminal/read_flags.ts";
import { runCommand } from "../terminal/run_command.ts";
import { Inputs, type Sources } from "../runner/data/inputs.ts";
import { fileSpecs, isWholeSpec } from "../runner/file_specs.ts";
import { writeRunFile } from "../runner/write_run_file.ts";
import { runGrid } from "../runner/run_grid.ts";
import { fileExperiment } from "../studies/file_experiment.ts";
import { SUITE } from "../suite/suite_folder.ts";
import { RUN } from "./run_flags.ts";
import { gridOptions } from "./grid_options.ts";

/** What `--help` prints. */
export const HELP = `Trains the runs that a configuration file describes, and keeps a record of each.

  deno task run FILE [flags]

FILE is YAML or JSON: experiments/recipes/*.yaml are examples, lib/experiment/specs/run_file.schema.json is the schema.

${flagHelp(RUN)}

An interrupted command goes on where it was when it is called again. Exit code 1 where a run failed.`;

/** Flags of the command. */
export const FLAGS: FlagTable = RUN;

/** The file and the flags that the words behind the command's name say. */
function settingsOf([path, ...args]: readonly string[]) {
  if (path === undefined || path.startsWith("-")) {
    throw new RangeError("the configuration file is missing, which comes first: deno task run FILE");
  }
  return { path, flags: readFlags(args, RUN) };
}

/** A file's text. Throws an Error that names the file where it cannot be read. */
async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new Error(`cannot read the configuration file ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** A file's name without folders and endings. */
function stem(path: string): string {
  return path.split("/").at(-1)!.replace(/\.\w+$/, "");
}

async function main(): Promise<void> {
  if (Deno.args.includes("--help")) return console.log(HELP);
  const { path, flags } = settingsOf(Deno.args);
  const { readRunFile } = await import("../runner/run_file.ts"); // which loads the library for YAML
  const { file, locate } = readRunFile(path, await textOf(path), flags.set);
  const parts = locate(() => expandRunFile(file));
  // What a command wrote names the suite's encoder by leaving the model out; a file of one's own means its folder.
  const own: Sources = parts.every(isWholeSpec) ? {} : { model: SUITE, data: SUITE };
  const places = { ...own, ...file.inputs };
  const inputs = new Inputs({ ...places, ...flags.offline && { offline: true } });
  const specs = await fileSpecs(parts, inputs);
  const out = flags.out ?? file.out ?? `runs/${stem(path)}`;
  const written = flags["write-spec"];
  if (written !== undefined) await writeRunFile(written, specs, { inputs: places, out });
  await runGrid(fileExperiment(file, { specs, inputs, out }), { ...gridOptions(flags), command: "run", out });
}

if (import.meta.main) await runCommand("run", main, { json: Deno.args.includes("--json"), say: sayInFlags(FLAGS) });
