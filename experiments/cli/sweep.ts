// deno task sweep plan|submit|status|cancel|collect FILE [flags]
import { requireName } from "../../lib/text/nearest.ts";
import { plural } from "../../lib/text/plural.ts";
import { ownRecords } from "../runner/out_folder.ts";
import { runSummary } from "../runner/run_summary.ts";
import { collectSweep } from "../sweep/collect_sweep.ts";
import { LAUNCHER } from "../sweep/launchers.ts";
import { absolutePath, planSweep } from "../sweep/plan_sweep.ts";
import { statusLines } from "../sweep/status_text.ts";
import { noteEnd, readSubmissions } from "../sweep/submissions.ts";
import { submitSweep } from "../sweep/submit_sweep.ts";
import { type KeptSweep, readSweep } from "../sweep/sweep_file.ts";
import { taskStates } from "../sweep/task_state.ts";
import type { FlagTable } from "../terminal/flag_table.ts";
import { sayInFlags } from "../terminal/in_flags.ts";
import { flagHelp, readFlags } from "../terminal/read_flags.ts";
import { runCommand } from "../terminal/run_command.ts";
import { sayBeside } from "../terminal/say.ts";
import { openRunFile, outOfRunFile } from "./open_run_file.ts";
import { launchOptions, SWEEP, taskCommand } from "./sweep_flags.ts";

/** What `--help` prints. */
export const HELP =
  `Trains the runs that a configuration file describes in tasks, each a process of its own that may be anywhere.

  deno task sweep plan FILE [flags]     shares the runs out to tasks, and writes what a launcher needs
  deno task sweep submit FILE [flags]   plans what is not planned yet, and submits what is neither recorded nor under way
  deno task sweep status FILE           says what is recorded, runs, waits, and failed, with the last line of its log
  deno task sweep cancel FILE           ends what waits and runs; states are saved
  deno task sweep collect FILE          brings all records into one table; exit code 1 where a run failed or has none yet

FILE is that of deno task run, or the folder of records in which a sweep was planned.

${flagHelp(SWEEP)}`;

/** Flags of the command. */
export const FLAGS: FlagTable = SWEEP;

/** What the words behind the command's name say. */
function settingsOf([action, path, ...args]: readonly string[]) {
  if (action === undefined || action.startsWith("-")) {
    throw new RangeError("what is to be done is missing: deno task sweep plan FILE");
  }
  const known = requireName("action", action, Object.keys(ACTIONS));
  if (path === undefined || path.startsWith("-")) {
    throw new RangeError(`the configuration file is missing, which comes second: deno task sweep ${known} FILE`);
  }
  return { action: known, path, flags: readFlags(args, SWEEP) };
}

type Settings = ReturnType<typeof settingsOf>;

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The sweep that was planned before. Throws a RangeError where none was. */
async function plannedSweep({ path, flags: { set, out } }: Settings): Promise<KeptSweep> {
  const folder = absolutePath(await isFolder(path) ? path : await outOfRunFile(path, { set, out }));
  const sweep = await readSweep(folder);
  if (!sweep) throw new RangeError(`no sweep is planned in ${folder}: deno task sweep plan ${path}`);
  return sweep;
}

/** The sweep of a file's runs, those included that were not planned yet. */
async function fullSweep(settings: Settings): Promise<KeptSweep> {
  const { path, flags } = settings;
  const { set, out: named, offline, cells, runs } = flags;
  if (await isFolder(path)) {
    const sweep = await plannedSweep(settings);
    return { ...sweep, options: { ...sweep.options, ...launchOptions(flags) } };
  }
  const { specs, inputs, places, out } = await openRunFile(path, { set, out: named, offline });
  const planned = { inputs, places, cells, runs, options: launchOptions(flags), command: taskCommand(flags) };
  using _lock = await ownRecords(out); // which refuses a folder that holds something else
  return await planSweep(specs, { ...planned, out: absolutePath(out) });
}

/** Prints where the tasks of a sweep are. */
async function printStates(sweep: KeptSweep, json: boolean): Promise<void> {
  const states = await taskStates(sweep, LAUNCHER[sweep.options.launcher]);
  for (const line of statusLines(states)) sayBeside(json)(line);
  if (json) console.log(JSON.stringify({ out: sweep.out, launcher: sweep.options.launcher, tasks: states }));
}

async function plan(settings: Settings): Promise<void> {
  const sweep = await fullSweep(settings);
  const launcher = LAUNCHER[sweep.options.launcher];
  const say = sayBeside(settings.flags.json);
  const files = await launcher.plan(sweep);
  say(`planned in ${sweep.out}: ${plural(sweep.specs.size, "run")} in ${plural(sweep.tasks.length, "task")}`);
  for (const { name, runs } of sweep.tasks) say(`  ${name}: ${plural(runs.length, "run")}`);
  if (files.length > 0) say(`written: ${files.join(", ")}`);
  if (launcher.advice !== undefined) say(launcher.advice);
  if (settings.flags.json) console.log(JSON.stringify({ out: sweep.out, tasks: sweep.tasks, files }));
}

async function submit(settings: Settings): Promise<void> {
  const { json } = settings.flags;
  const sweep = await fullSweep(settings);
  const launcher = LAUNCHER[sweep.options.launcher];
  await launcher.plan(sweep);
  const count = await submitSweep(sweep, launcher, sayBeside(json));
  if (count === 0) sayBeside(json)("nothing is left to submit");
  await printStates(sweep, json);
}

async function status(settings: Settings): Promise<void> {
  await printStates(await plannedSweep(settings), settings.flags.json);
}

async function cancel(settings: Settings): Promise<void> {
  const sweep = await plannedSweep(settings);
  const { queue, advice } = LAUNCHER[sweep.options.launcher];
  if (!queue) throw new RangeError(`nothing is cancelled by the launcher ${sweep.options.launcher}: ${advice}`);
  const submissions = (await readSubmissions(sweep.out)).filter(({ ended }) => ended !== "cancelled");
  for (const one of submissions) await noteEnd(one, "cancelled"); // what begins from now on sees it
  await queue.cancel(sweep, submissions);
  await printStates(sweep, settings.flags.json);
}

async function collect(settings: Settings): Promise<void> {
  const sweep = await plannedSweep(settings);
  const { flags } = settings;
  const { json, parquet } = flags;
  using _lock = await ownRecords(sweep.out);
  const { records, missing, damaged } = await collectSweep(sweep, { parquet });
  for (const line of damaged) console.error(`damaged, and left where it is: ${line}`);
  const endings = ["arrow", ...parquet ? ["parquet"] : []];
  const files = endings.flatMap((ending) => [`${sweep.out}/runs.${ending}`, `${sweep.out}/curves.${ending}`]);
  const failed = records.filter((record) => record.status === "failed").length;
  const left = [...missing > 0 ? [`${missing} not recorded`] : [], ...failed > 0 ? [`${failed} failed`] : []];
  sayBeside(json)(
    `${records.length} of ${plural(sweep.specs.size, "run")} collected${left.map((part) => `, ${part}`).join("")}; ` +
      `written: ${files.join(", ")}`,
  );
  if (json) console.log(JSON.stringify({ ...records.length > 0 && runSummary(records, files), missing }));
  if (left.length > 0) Deno.exitCode = 1;
}

const ACTIONS: Readonly<Record<string, (settings: Settings) => Promise<void>>> = {
  plan,
  submit,
  status,
  cancel,
  collect,
};

async function main(): Promise<void> {
  if (Deno.args.includes("--help")) return console.log(HELP);
  const settings = settingsOf(Deno.args);
  await ACTIONS[settings.action](settings);
}

if (import.meta.main) await runCommand("sweep", main, { json: Deno.args.includes("--json"), say: sayInFlags(FLAGS) });
