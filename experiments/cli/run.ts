// deno task run FILE [--set PATH=VALUE] [--dry-run] …
import type { FlagTable } from "../terminal/flag_table.ts";
import { sayInFlags } from "../terminal/in_flags.ts";
import { flagHelp, readFlags } from "../terminal/read_flags.ts";
import { runCommand } from "../terminal/run_command.ts";
import { writeRunFile } from "../runner/write_run_file.ts";
import { runGrid } from "../runner/run_grid.ts";
import { fileExperiment } from "../studies/file_experiment.ts";
import { gridOptions } from "./grid_options.ts";
import { openRunFile } from "./open_run_file.ts";
import { RUN } from "./run_flags.ts";

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

async function main(): Promise<void> {
  if (Deno.args.includes("--help")) return console.log(HELP);
  const { path, flags } = settingsOf(Deno.args);
  const { set, out: named, offline } = flags;
  const { file, specs, inputs, places, out } = await openRunFile(path, { set, out: named, offline });
  const written = flags["write-spec"];
  if (written !== undefined) await writeRunFile(written, specs, { inputs: places, out });
  await runGrid(fileExperiment(file, { specs, inputs, out }), { ...gridOptions(flags), command: "run", out });
}

if (import.meta.main) await runCommand("run", main, { json: Deno.args.includes("--json"), say: sayInFlags(FLAGS) });
