import type { RunSpec } from "../../lib/experiment/specs/mod.ts";
import type { RunRecord } from "../../lib/experiment/records/mod.ts";
import { plural } from "../../lib/text/plural.ts";
import { describeDevice } from "../terminal/describe_device.ts";
import { sayBeside } from "../terminal/say.ts";
import type { Inputs } from "./data/inputs.ts";
import { type Engine, type EngineOptions, openEngine } from "./engine.ts";
import { keptRuns } from "./kept_runs.ts";
import { ownRecords } from "./out_folder.ts";
import { planPrograms, programLines, type ProgramPlan } from "./program_plan.ts";
import { openRuns, runSpecs, type RunSpecsOptions } from "./run_specs.ts";
import { runSummary } from "./run_summary.ts";
import { writePeftJson } from "./write_peft_json.ts";
import { writeBoardExperiment, writeBoardRun } from "./write_tensorboard.ts";

/** An experiment: its runs, and what it says of them beforehand and in the end. */
export interface Experiment {
  readonly inputs: Inputs;
  /** The runs, as far as they are known before the first of them. */
  readonly specs: readonly RunSpec[];
  /** The same runs by rounds, which run one after another and share programs each by itself; one round by default. */
  readonly rounds?: readonly (readonly RunSpec[])[];
  /** Tasks whose runs others may start from that are asked for later. */
  readonly startTasks?: readonly string[];
  /** What the grid is made of, in lines; takes how many of its runs are recorded. */
  readonly describe: (recorded: number) => readonly string[];
  /** What would run, for `--dry-run`; without an engine where every run is recorded. */
  readonly plan: (open: readonly RunSpec[], engine: Engine | undefined) => Promise<Plan | undefined>;
  /** What is known of open runs before they begin; nothing by default. */
  readonly expect?: (open: readonly RunSpec[], engine: Engine) => Promise<Expected>;
  /** Runs the grid, and makes of its records what is read. */
  readonly run: (session: Session) => Promise<Results>;
}

/** What would run. */
export interface Plan {
  /** What programs read. */
  readonly document: object;
  /** What people read. */
  readonly text?: string;
  /** What is said before either. */
  readonly lines?: readonly string[];
}

/** What is known of runs before they begin. */
export interface Expected {
  readonly seconds: ReadonlyMap<RunSpec, number>;
  readonly lines: readonly string[];
}

/** How an experiment has its runs run. */
export interface Session {
  /** Whether a device is open; one is where a run is open. */
  readonly hasDevice: boolean;
  /** Seconds that are expected of each open run. */
  readonly seconds: ReadonlyMap<RunSpec, number>;
  /** Those of runs that are not recorded, or all where recorded ones are repeated. */
  readonly openRuns: (specs: readonly RunSpec[]) => Promise<readonly RunSpec[]>;
  /** Runs what is open, and gives the records of all. */
  readonly runSpecs: (
    specs: readonly RunSpec[],
    options?: Partial<Pick<RunSpecsOptions, "seconds" | "title">>,
  ) => Promise<readonly RunRecord[]>;
}

/** What came of an experiment. */
export interface Results {
  readonly records: readonly RunRecord[];
  /** Paragraphs that people read. */
  readonly parts: readonly string[];
  /** What programs read beside the summary of all runs. */
  readonly document?: object;
  /** Files that were written beside the tables. */
  readonly files?: readonly string[];
}

/** Options of {@linkcode runGrid}. */
export interface RunGridOptions extends Omit<EngineOptions, "kept">, Pick<RunSpecsOptions, "force" | "parquet"> {
  /** The command's name, for messages. */
  readonly command: string;
  /** One document on standard output, all else on standard error. */
  readonly json?: boolean;
  /** Only says what would run. */
  readonly isDry?: boolean;
  /** A folder that gets each run as PEFT's method comparison has them. */
  readonly peftJson?: string;
  /** A folder that gets each run as TensorBoard reads it, as soon as it is recorded. */
  readonly tensorboard?: string;
}

/** The tables of a folder of records. */
function tableFiles({ out, parquet }: RunGridOptions): string[] {
  return ["arrow", ...parquet ? ["parquet"] : []]
    .flatMap((ending) => [`${out}/runs.${ending}`, `${out}/curves.${ending}`]);
}

/** How recorded runs come into the folder that TensorBoard reads; nothing where none is asked for. */
function boardOf({ tensorboard, out }: RunGridOptions) {
  return {
    begin: async (specs: readonly RunSpec[]) => {
      if (tensorboard !== undefined) await writeBoardExperiment(tensorboard, specs);
    },
    onRecord: tensorboard === undefined
      ? undefined
      : (record: RunRecord) => writeBoardRun(tensorboard, record, { out }),
  };
}

/** Which open runs are trained together, round after round. */
async function roundPrograms(
  engine: Engine,
  { open, rounds = [open] }: { readonly open: readonly RunSpec[]; readonly rounds?: Experiment["rounds"] },
): Promise<ProgramPlan[]> {
  const isOpen = new Set(open);
  const programs: ProgramPlan[] = [];
  for (const round of rounds) {
    const own = round.filter((spec) => isOpen.has(spec));
    programs.push(...planPrograms(own, { runner: await engine.runnerOf(own), ...engine }));
  }
  return programs;
}

/** Prints what came of an experiment, and sets the exit code. */
function report({ records, parts, document, files = [] }: Results, options: RunGridOptions): void {
  const written = [...tableFiles(options), ...files];
  const summary = runSummary(records, written);
  if (options.json) console.log(JSON.stringify({ ...summary, ...document }));
  else console.log([...parts, `written: ${written.join(", ")}`].map((part) => `\n${part}`).join("\n"));
  if (summary.failed === 0) return;
  const runs = plural(records.length, "run");
  console.error(`${options.command}: ${summary.failed} of ${runs} failed; called again, it tries them again`);
  Deno.exitCode = 1;
}

/**
 * Runs an experiment in a folder of records as a command does: says what is asked for and what of it is recorded, opens
 * the device where something is left to run, only plans it with `isDry`, runs it, and prints what came of it. The exit
 * code is 1 where a run failed.
 *
 * Throws a RangeError where the folder holds something else than records, and an Error where another process uses it.
 */
export async function runGrid(experiment: Experiment, options: RunGridOptions): Promise<void> {
  const { specs, inputs, startTasks } = experiment;
  const { out, json, force, parquet, isDry } = options;
  const say = sayBeside(json);
  using lock = isDry ? undefined : await ownRecords(out);
  const openOf = async (some: readonly RunSpec[]) => force ? some : await openRuns(some, out);
  const open = await openOf(specs);
  for (const line of experiment.describe(specs.length - open.length)) say(line);

  // Where all is recorded nothing needs to compute.
  const kept = await keptRuns(specs, startTasks);
  using engine = open.length > 0 ? await openEngine(inputs, open, { ...options, kept }) : undefined;
  if (engine) describeDevice(engine.device, say);
  else say("nothing is left to run");

  if (isDry) {
    const plan = await experiment.plan(open, engine);
    const programs = engine ? await roundPrograms(engine, { rounds: experiment.rounds, open }) : [];
    for (const line of [...plan?.lines ?? [], ...engine ? programLines(programs) : []]) say(line);
    if (!plan) return;
    if (json) console.log(JSON.stringify({ ...plan.document, programs }));
    else if (plan.text !== undefined) console.log(plan.text);
    return;
  }
  const expected = engine && await experiment.expect?.(open, engine);
  const { seconds, lines } = expected ?? { seconds: new Map<RunSpec, number>(), lines: [] };
  for (const line of lines) say(line);
  const { runnerOf, parallel } = engine ?? {};
  const { begin, onRecord } = boardOf(options);
  await begin(specs);
  const results = await experiment.run({
    hasDevice: engine !== undefined,
    seconds,
    openRuns: openOf,
    runSpecs: (some, titled) =>
      runSpecs(some, { seconds, ...titled, out, lock, runnerOf, parallel, force, parquet, onRecord }),
  });
  await begin(results.records.map(({ spec }) => spec)); // those that were asked for on the way, too
  const { peftJson, tensorboard } = options;
  if (peftJson !== undefined) await writePeftJson(peftJson, results.records, { out });
  const folders = [peftJson, tensorboard].filter((folder) => folder !== undefined);
  report({ ...results, files: [...results.files ?? [], ...folders] }, options);
}
