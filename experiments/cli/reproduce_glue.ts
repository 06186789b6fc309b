// deno task reproduce glue [--scale default|small|paper] [--tasks a,b|all] [--methods a,b] [--model DIR|NAME] [--data DIR] …
import { openDevice } from "../../mod.ts";
import type { Device } from "../../lib/device/mod.ts";
import type { GlueTaskName } from "../../lib/data/mod.ts";
import {
  hashSpec,
  lockFolder,
  paperTable,
  report,
  reportFigure,
  type RunRecord,
  type RunSpec,
  scoreCaption,
  scoreTable,
  settingsLines,
  writeLines,
} from "../../lib/experiment/mod.ts";
import { writeAtomically } from "../../lib/io/mod.ts";
import { describeDevice } from "./describe_device.ts";
import { duration } from "../terminal/duration.ts";
import { type Flags, nameList } from "../terminal/flags.ts";
import { requireForRecords } from "../runner/out_folder.ts";
import { writeRunFile } from "../runner/run_file.ts";
import { openRuns, runSpecs } from "../runner/run_specs.ts";
import { runSummary } from "../studies/run_summary.ts";
import { tell } from "../terminal/tell.ts";
import { ALL_METHODS, METHODS } from "../recipes/methods.ts";
import { PAPER_GLUE } from "../studies/glue/paper.ts";
import { SCALE, type Scale, TASKS } from "../recipes/mod.ts";
import { Inputs } from "../runner/data/inputs.ts";
import { RunProcesses } from "../runner/run_processes.ts";
import { methodList } from "../runner/train/load_method.ts";
import { Trainer } from "../runner/train/trainer.ts";
import { SUITE } from "../suite/suite_folder.ts";
import { GLUE } from "./flag_table.ts";
import { flagHelp, flagNames, readFlags } from "../terminal/read_flags.ts";
import { comparable } from "../studies/comparable.ts";
import { estimateRuns, type Estimates, estimateSeconds } from "../studies/glue/estimate.ts";
import { glueSpecs, orderTasks } from "../studies/glue/glue_specs.ts";
import { optionLines, planTable } from "../studies/glue/plan_table.ts";
import { understoodTasks } from "../studies/understood_tasks.ts";

/** What `--help` prints. */
export const HELP = `Trains methods on GLUE's tasks from one encoder and prints their table beside the papers'.

  deno task reproduce glue [flags]

${flagHelp(GLUE)}

An interrupted command goes on where it was when it is called again. Exit code 1 where a run failed.`;

/** Flags of the command. */
export const FLAGS: Flags = flagNames(GLUE);

/** What is written into a folder. */
function filesIn({ out, flags: { parquet } }: Pick<Settings, "out" | "flags">): string[] {
  const tables = parquet ? ["runs.parquet", "curves.parquet"] : [];
  return ["runs.arrow", "curves.arrow", ...tables, "report.md", "report.svg"].map((name) => `${out}/${name}`);
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** K in steps from −1, or a share of the run. Throws a RangeError where it is neither. */
function startStepOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== "" && (Number.isSafeInteger(value) && value >= -1 || value > 0 && value < 1)) return value;
  throw new RangeError(`--start-step is a whole number from -1, or a share of the run below 1, not "${text}"`);
}

/** A size with the starts that a flag asks for. */
function withStarts(scale: Scale, start: string | undefined): Scale {
  if (start !== "mnli") return scale;
  return {
    ...scale,
    recipe: (task, method) => ({ ...scale.recipe(task, method), start: SCALE.paper.recipe(task, method).start }),
  };
}

/** What flags ask for. */
async function settingsOf(args: readonly string[]) {
  const flags = readFlags(args, GLUE);
  const { model, data, revision, offline, start, steps, checkpoint } = flags;
  const named = SCALE[flags.scale ?? (model === undefined ? "default" : "small")];
  const scale = withStarts(named, start);
  return {
    flags,
    out: flags.out ?? scale.out,
    parallel: flags.parallel ?? 1,
    saveEvery: flags["save-every"] ?? 500,
    sources: { model: model === SUITE ? undefined : model ?? scale.model?.id, data, revision, offline },
    grid: {
      scale,
      tasks: flags.tasks === undefined ? scale.tasks : nameList("task", flags.tasks, TASKS),
      methods: flags.methods === undefined ? METHODS : await methodList(flags.methods, ALL_METHODS),
      seeds: flags.seeds ?? scale.seeds,
      firstSeed: flags["first-seed"] ?? 0,
      steps,
      learningRate: flags["learning-rate"],
      startStep: startStepOf(flags["start-step"]),
      checkpoint,
      startsAtModel: start === "model",
      isPlan: flags["dry-run"],
    },
  };
}

type Settings = Awaited<ReturnType<typeof settingsOf>>;

/** Where model and data lie; a plan does without them. Throws a RangeError where a size has no data. */
function inputsOf({ sources, grid: { scale, isPlan } }: Settings): Inputs {
  if (isPlan) return new Inputs(sources, scale.model);
  if (scale.model && sources.data === undefined) {
    throw new RangeError(`--scale ${scale.name} needs GLUE's files: --data DIR`);
  }
  return new Inputs(sources);
}

/** Says what the grid is made of. */
function describeGrid(specs: readonly RunSpec[], { grid }: Settings, open: number, say: (line: string) => void): void {
  const tasks = [...new Set(specs.map(({ task }) => task))];
  const methods = [...new Set(specs.map(({ method }) => method.name))];
  say(
    `runs: ${specs.length} = ${tasks.join(", ")} × ${methods.join(", ")} × ${plural(grid.seeds, "seed")}; ` +
      `${specs.length - open} of them recorded`,
  );
  const added = orderTasks(grid).filter((task) => !grid.tasks.includes(task));
  const begin = new Set(specs.filter(({ start }) => start).map(({ task }) => task));
  if (added.length > 0) say(`added: ${added.join(", ")}, from whose runs ${[...begin].join(", ")} start`);
}

function printPlan(
  specs: readonly RunSpec[],
  { device, estimates }: { readonly device?: Device; readonly estimates?: Estimates },
  json: boolean,
): void {
  const runs = estimates?.runs ?? new Map();
  const total = (name: "operations" | "seconds") => runs.values().reduce((sum, one) => sum + one[name], 0);
  if (json) {
    const plan = [...runs].map(([spec, estimate]) => ({ spec, ...estimate }));
    const name = device?.report.name;
    const [seconds, operations] = [total("seconds"), total("operations")];
    const { basis } = estimates ?? {};
    console.log(
      JSON.stringify({ experiment: "glue", device: name, specs, open: runs.size, seconds, operations, basis, plan }),
    );
    return;
  }
  if (!estimates) return;
  console.log(`time: about ${duration(total("seconds"))} for ${(total("operations") / 1e15).toPrecision(3)} PFLOP`);
  console.log(`      ${estimates.basis}\n`);
  console.log(planTable([...runs.keys()], runs));
  console.log(`\n${optionLines([...runs.keys()]).join("\n")}`);
  console.log("\nMetrics and checkpoints are of the dev split; no test split is read.");
}

/** What a person reads in the end. */
function text(
  records: readonly RunRecord[],
  { compared, files }: { readonly compared: string; readonly files: readonly string[] },
): string {
  const tasks = [...new Set(records.map(({ spec }) => spec.task))];
  return [
    scoreTable(records),
    [`${scoreCaption(records)}.`, ...settingsLines(records)].join("\n"),
    ...writeLines(records).map((line) => `${line}.`),
    'The papers, RoBERTa-base on GLUE ("?": as recalled; check with the paper):',
    paperTable(PAPER_GLUE, tasks),
    compared,
    `written: ${files.join(", ")}`,
  ].map((part) => `\n${part}`).join("\n");
}

/** Hashes of the runs whose outcomes are kept: those of tasks that others start from, asked for or not. */
async function keptRuns(
  specs: readonly RunSpec[],
  { scale, methods, startsAtModel }: Settings["grid"],
): Promise<Set<string>> {
  const starts = startsAtModel
    ? []
    : TASKS.flatMap((task) => methods.flatMap((method) => scale.recipe(task, method).start ?? []));
  return new Set(await Promise.all(specs.filter(({ task }) => starts.includes(task as GlueTaskName)).map(hashSpec)));
}

/** Writes report and figure, prints the table, and sets the exit code. */
async function finish(records: readonly RunRecord[], settings: Settings, args: readonly string[]): Promise<void> {
  const { out, sources: { data }, flags: { json } } = settings;
  const compared = comparable(records[0].spec);
  const command = ["deno task reproduce glue", ...args.filter((word) => word !== "--json")].join(" ");
  const title = data === undefined || data === SUITE ? "The suite in GLUE's format" : "GLUE";
  await writeAtomically(`${out}/report.md`, report(records, PAPER_GLUE, { title, command, comparable: compared }));
  await writeAtomically(`${out}/report.svg`, reportFigure(records));
  const files = filesIn(settings);
  const result = runSummary(records, { experiment: "glue", files });
  console.log(json ? JSON.stringify(result) : text(records, { compared, files }));
  if (result.failed === 0) return;
  console.error(
    `reproduce: ${result.failed} of ${plural(records.length, "run")} failed; called again, it tries them again`,
  );
  Deno.exitCode = 1;
}

/** Runs the command with the arguments behind its name. */
export async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(HELP);
  const settings = await settingsOf(args);
  const {
    flags: { force, parquet, json, device: wanted, verbose, "dry-run": isDry, "write-spec": written },
    out,
    parallel,
    saveEvery,
    sources,
    grid,
  } = settings;
  const say = (line: string) => json ? console.error(line) : console.log(line);
  const inputs = inputsOf(settings);
  const specs = await glueSpecs(inputs, grid);
  if (written !== undefined) await writeRunFile(written, specs, { inputs: sources, out });
  if (!isDry) await requireForRecords(out);
  using lock = isDry ? undefined : await lockFolder(out);
  const open = force ? [...specs] : await openRuns(specs, out);
  describeGrid(specs, settings, open.length, say);

  // Where all is recorded nothing needs to compute.
  using device = open.length > 0 ? await openDevice({ device: wanted, report: tell, verbose }) : undefined;
  if (device) describeDevice(device, say);
  else say("nothing is left to run");
  const isBucketed = grid.scale.padding === "bucket";
  const estimates = device && (isDry || isBucketed) ? await estimateRuns(open, { device, inputs }) : undefined;
  if (isDry) return printPlan(specs, { device, estimates }, json);

  if (device) { for (const line of await understoodTasks(inputs, open)) say(line); }
  const kept = await keptRuns(specs, grid);
  const trainer = device && new Trainer(device, inputs, { out, kept, saveEvery });
  const seconds = estimates
    ? new Map(Array.from(estimates.runs, ([spec, { seconds }]) => [spec, seconds]))
    : trainer
    ? await estimateSeconds(open, trainer)
    : new Map<RunSpec, number>();
  if (trainer) say(`time: about ${duration(seconds.values().reduce((sum, one) => sum + one, 0))}`);
  using processes = parallel > 1
    ? new RunProcesses({ parallel, sources, device: wanted, out, kept, saveEvery })
    : undefined;
  try {
    const run = (processes ?? trainer)?.run;
    const records = await runSpecs(specs, { out, lock, run, parallel, force, parquet, seconds });
    await finish(records, settings, args);
  } finally {
    trainer?.close();
  }
}
