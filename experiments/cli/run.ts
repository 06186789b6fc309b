// deno task run FILE [--set PATH=VALUE] [--dry-run] …
import { openDevice } from "../../mod.ts";
import type { Device } from "../../lib/device/mod.ts";
import {
  expandRunFile,
  hashSpec,
  lockFolder,
  type RunFile,
  type RunRecord,
  type RunSpec,
  settingsLines,
} from "../../lib/experiment/mod.ts";
import { messageOf } from "../../lib/text/message_of.ts";
import { duration } from "../terminal/duration.ts";
import type { Flags } from "../terminal/flags.ts";
import { runCommand } from "../terminal/run_command.ts";
import { tell } from "../terminal/tell.ts";
import { Inputs, type Sources } from "../runner/data/inputs.ts";
import { fileSpecs, isWholeSpec } from "../runner/file_specs.ts";
import { requireForRecords } from "../runner/out_folder.ts";
import { readRunFile, writeRunFile } from "../runner/run_file.ts";
import { RunProcesses } from "../runner/run_processes.ts";
import { openRuns, runSpecs } from "../runner/run_specs.ts";
import { Trainer } from "../runner/train/trainer.ts";
import { estimateRuns } from "../studies/glue/estimate.ts";
import { planTable } from "../studies/glue/plan_table.ts";
import { runSummary } from "../studies/run_summary.ts";
import { settingsTable, settingWords } from "../studies/settings_table.ts";
import { SUITE } from "../suite/suite_folder.ts";
import { RUN } from "./flag_table.ts";
import { flagHelp, flagNames, readFlags } from "../terminal/read_flags.ts";
import { describeDevice } from "./describe_device.ts";

/** What `--help` prints. */
export const HELP = `Trains the runs that a configuration file describes, and keeps a record of each.

  deno task run FILE [flags]

FILE is YAML or JSON: experiments/recipes/*.yaml are examples, lib/experiment/specs/run_file.schema.json is the schema.

${flagHelp(RUN)}

An interrupted command goes on where it was when it is called again. Exit code 1 where a run failed.`;

/** Flags of the command. */
export const FLAGS: Flags = flagNames(RUN);

/** What the words behind the command's name ask for. */
function settingsOf([path, ...args]: readonly string[]) {
  if (path === undefined || path.startsWith("-")) {
    throw new RangeError("the configuration file is missing, which comes first: deno task run FILE");
  }
  const flags = readFlags(args, RUN);
  return { flags, path, parallel: flags.parallel ?? 1, saveEvery: flags["save-every"] ?? 500 };
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

/** Dotted paths at which a file's runs differ, beside those that lines and tables name anyway. */
function variedPaths({ axes, runs }: RunFile): string[] {
  const named = ["task", "method.name", "seed", "experiment"];
  const paths = new Set([...Object.keys(axes ?? {}), ...(runs ?? []).flatMap((one) => Object.keys(one))]);
  // What is counted or hashed differs with the task.
  return [...paths].filter((path) => !named.includes(path) && !/^data\.|hash$|^kind$|^metric$/.test(path));
}

/** A run as lines name it: by what sets it apart from the others. */
function titleOf(spec: RunSpec, paths: readonly string[]): string {
  return [spec.task, spec.method.name, ...settingWords(spec, paths), `seed ${spec.seed}`].join(" ");
}

/** What would run, its work and its time. */
async function plan(
  specs: readonly RunSpec[],
  { device, inputs, json, paths }: {
    readonly device: Device;
    readonly inputs: Inputs;
    readonly json: boolean;
    readonly paths: readonly string[];
  },
): Promise<void> {
  const { runs, basis } = await estimateRuns([...specs], { device, inputs });
  if (json) {
    return console.log(JSON.stringify({ specs, basis, plan: [...runs].map(([spec, one]) => ({ spec, ...one })) }));
  }
  const seconds = runs.values().reduce((sum, one) => sum + one.seconds, 0);
  console.log(`time: about ${duration(seconds)}\n      ${basis}\n`);
  console.log(planTable([...runs.keys()], runs));
  console.log(`\n${specs.map((spec) => titleOf(spec, paths)).join("\n")}`);
}

/** Prints what a person, or with `json` a program, reads in the end, and sets the exit code. */
function finish(records: readonly RunRecord[], { out, json, parquet, paths }: {
  readonly out: string;
  readonly paths: readonly string[];
  readonly json: boolean;
  readonly parquet: boolean;
}): void {
  const tables = ["runs.arrow", "curves.arrow", ...parquet ? ["runs.parquet", "curves.parquet"] : []];
  const files = tables.map((name) => `${out}/${name}`);
  const result = runSummary(records, { experiment: records[0].spec.experiment, files });
  const text = [
    settingsTable(records, paths),
    settingsLines(records).join("\n"),
    `written: ${files.join(", ")}`,
  ];
  console.log(json ? JSON.stringify(result) : text.map((part) => `\n${part}`).join("\n"));
  if (result.failed === 0) return;
  console.error(`run: ${result.failed} of ${records.length} runs failed; called again, it tries them again`);
  Deno.exitCode = 1;
}

async function main(): Promise<void> {
  if (Deno.args.includes("--help")) return console.log(HELP);
  const { flags, path, parallel, saveEvery } = settingsOf(Deno.args);
  const { json, force, parquet, verbose, device: wanted, "dry-run": isDry, "write-spec": written } = flags;
  const say = (line: string) => json ? console.error(line) : console.log(line);

  const { file, locate } = readRunFile(path, await textOf(path), flags.set);
  const parts = locate(() => expandRunFile(file));
  // What a command wrote names the suite's encoder by leaving the model out; a file of one's own means its folder.
  const own: Sources = parts.every(isWholeSpec) ? {} : { model: SUITE, data: SUITE };
  const sources: Sources = { ...own, ...file.inputs, ...flags.offline && { offline: true } };
  const inputs = new Inputs(sources);
  const paths = variedPaths(file);
  const specs = await fileSpecs(parts, inputs);
  const out = flags.out ?? file.out ?? `runs/${stem(path)}`;
  if (written !== undefined) await writeRunFile(written, specs, { inputs: { ...own, ...file.inputs }, out });

  if (!isDry) await requireForRecords(out);
  using lock = isDry ? undefined : await lockFolder(out);
  const open = force ? [...specs] : await openRuns(specs, out);
  say(`runs: ${specs.length}; ${specs.length - open.length} of them recorded in ${out}`);
  using device = open.length > 0 ? await openDevice({ device: wanted, report: tell, verbose }) : undefined;
  if (device) describeDevice(device, say);
  else say("nothing is left to run");
  if (isDry) return device && await plan(open, { device, inputs, json, paths });

  // Runs that start from another one name it by its hash: its outcome is kept.
  const starts = new Set(specs.flatMap(({ start }) => start?.run ?? []));
  const hashes = await Promise.all(specs.map(hashSpec));
  const kept = new Set(hashes.filter((hash) => starts.has(hash)));
  const trainer = device && new Trainer(device, inputs, { out, kept, saveEvery });
  using processes = device && parallel > 1
    ? new RunProcesses({ parallel, sources, device: wanted, out, kept, saveEvery })
    : undefined;
  try {
    const records = await runSpecs(specs, {
      out,
      lock,
      run: (processes ?? trainer)?.run,
      parallel,
      force,
      parquet,
      seconds: new Map(),
      title: (spec) => titleOf(spec, paths),
    });
    finish(records, { out, json, parquet, paths });
  } finally {
    trainer?.close();
  }
}

if (import.meta.main) await runCommand("run", main, { json: Deno.args.includes("--json") });
