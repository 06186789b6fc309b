// deno task reproduce ablations [--scale default|medium|large] [--only a,b] [--tasks a,b] [--seeds N] [--steps N] …
import { openDevice } from "../../mod.ts";
import type { Device } from "../../lib/device/mod.ts";
import {
  canonicalJson,
  findRecord,
  lockFolder,
  type RunRecord,
  type RunSpec,
  writeTables,
} from "../../lib/experiment/mod.ts";
import { writeAtomically } from "../../lib/io/mod.ts";
import { describeDevice } from "./describe_device.ts";
import { duration } from "../terminal/duration.ts";
import { type Flags, nameList } from "../terminal/flags.ts";
import { ABLATIONS } from "./flag_table.ts";
import { flagHelp, flagNames, readFlags } from "../terminal/read_flags.ts";
import { requireForRecords } from "../runner/out_folder.ts";
import { writeRunFile } from "../runner/run_file.ts";
import { openRuns, runSpecs, type RunSpecsOptions } from "../runner/run_specs.ts";
import { runSummary } from "../studies/run_summary.ts";
import { tell } from "../terminal/tell.ts";
import { SCALE, TASKS } from "../recipes/mod.ts";
import { Inputs } from "../runner/data/inputs.ts";
import { RunProcesses, usualParallel } from "../runner/run_processes.ts";
import { Trainer } from "../runner/train/trainer.ts";
import { ablationReport } from "../studies/ablations/report.ts";
import { type Evidence, type Section, sectionOf } from "../studies/ablations/section.ts";
import { ABLATION_SIZE, SWEEP_FACTORS, SWEEP_SEED } from "../studies/ablations/sizes.ts";
import {
  AblationPlan,
  chooseRates,
  distinctRuns,
  requireFairStudy,
  type StudyRuns,
} from "../studies/ablations/specs.ts";
import { comparable } from "../studies/comparable.ts";
import { estimateSeconds } from "../studies/glue/estimate.ts";
import { STUDIES } from "../studies/ablations/studies/mod.ts";
import { SUITE } from "../suite/suite_folder.ts";
import { studiesTable } from "../studies/ablations/studies_table.ts";
import { understoodTasks } from "../studies/understood_tasks.ts";

const NAMES: readonly string[] = STUDIES.map(({ name }) => name);
const USUAL: readonly string[] = STUDIES.filter(({ isExtra }) => !isExtra).map(({ name }) => name);

/** What `--help` prints. */
export const HELP =
  `Asks what of Delta-LoRA matters, a study at a time, each with a table, a figure and its findings in words.

  deno task reproduce ablations [flags]

${STUDIES.map(({ name, title }) => `  ${name.padEnd(15)}${title}`).join("\n")}

Learning rates come first: ${
    SWEEP_FACTORS.join(", ")
  } times the recipe's are tried for each method with its optimizer, on
seeds from ${SWEEP_SEED} on or beyond the tables', which no table uses. Runs that studies share are run once.

${flagHelp(ABLATIONS)}

An interrupted command goes on where it was when it is called again. Exit code 1 where a run failed.`;

/** Flags of the command. */
export const FLAGS: Flags = flagNames(ABLATIONS);

/** What flags ask for. */
function settingsOf(args: readonly string[]) {
  const flags = readFlags(args, ABLATIONS);
  const { model, data, revision, offline } = flags;
  if (model !== undefined && data === undefined) throw new RangeError("--model needs GLUE's files: --data DIR");
  const size = ABLATION_SIZE[flags.scale ?? "default"];
  const { seeds = size.seeds, "many-seeds": manySeeds = size.manySeeds } = flags;
  const only = flags.only === undefined ? USUAL : nameList("study", flags.only, NAMES);
  return {
    flags,
    out: flags.out ?? size.out,
    parallel: flags.parallel,
    saveEvery: flags["save-every"] ?? 500,
    sources: { model: model === SUITE ? undefined : model, data, revision, offline },
    studies: STUDIES.filter(({ name }) => only.includes(name)),
    options: {
      recipe: model === undefined ? SCALE.default : SCALE.small,
      tasks: flags.tasks === undefined ? size.tasks : nameList("task", flags.tasks, TASKS),
      seeds,
      manySeeds: Math.max(seeds, manySeeds),
      sweepSeeds: flags["sweep-seeds"] ?? size.sweepSeeds,
      sweepsEach: flags.sweep === "conditions",
      steps: flags.steps ?? size.steps,
    },
  };
}

type Settings = ReturnType<typeof settingsOf>;

/** How many runs there are at once where no flag says so. */
function usualAtOnce({ studies, sources: { model } }: Settings, { report }: Device): number {
  // What a study says of time would suffer from other runs beside, and a large model has work for all cores.
  const hasTimes = studies.some(({ figure }) => figure.kind === "memory");
  return hasTimes || model !== undefined ? 1 : usualParallel(report);
}

/** The records of runs, where every one is recorded as finished. */
async function recordedOf(specs: readonly RunSpec[], out: string): Promise<Map<RunSpec, RunRecord> | undefined> {
  const found = await Promise.all(specs.map((spec) => findRecord(out, spec)));
  const records = new Map<RunSpec, RunRecord>();
  for (const [i, one] of found.entries()) {
    if (one.kind !== "finished") return undefined;
    records.set(specs[i], one.record);
  }
  return records;
}

/** A run as lines name it: by its condition where it first comes, or by the rate that is tried. */
function titles(studies: readonly StudyRuns[], sweeps: ReadonlyMap<string, readonly RunSpec[]>) {
  const names = new Map<RunSpec, string>();
  for (const [name, specs] of sweeps) {
    for (const spec of specs) names.set(spec, `${name} at ${spec.optimizer.learningRate}`);
  }
  for (const { condition, specs } of studies.flatMap(({ runs }) => runs)) {
    for (const spec of specs) if (!names.has(spec)) names.set(spec, condition.name);
  }
  return (spec: RunSpec) => `${spec.task} ${names.get(spec)} seed ${spec.seed}`;
}

const zip = (specs: readonly RunSpec[], records: readonly RunRecord[]) =>
  new Map(specs.map((spec, i) => [spec, records[i]]));

/** Seconds by method and task, for runs whose rates are not known yet, too. */
function byMethod(seconds: ReadonlyMap<RunSpec, number>): (specs: readonly RunSpec[]) => Map<RunSpec, number> {
  const key = ({ method, task }: RunSpec) => `${method.name} ${task}`;
  const known = new Map(Array.from(seconds, ([spec, one]) => [key(spec), one]));
  return (specs) => new Map(specs.map((spec) => [spec, known.get(key(spec)) ?? 0]));
}

/** Runs the sweep, then the studies at the rates that it chose. */
async function gather(plan: AblationPlan, { force, ...options }: Omit<RunSpecsOptions, "seconds" | "title"> & {
  readonly secondsOf: (specs: readonly RunSpec[]) => Map<RunSpec, number>;
}): Promise<{ readonly studies: readonly StudyRuns[]; readonly evidence: Evidence }> {
  const { out, secondsOf } = options;
  const sweeps = await plan.sweeps();
  const swept = distinctRuns([], sweeps);
  const planned = await plan.runs();
  const seconds = async (specs: readonly RunSpec[]) => secondsOf(force ? specs : await openRuns(specs, out));
  const first = zip(
    swept,
    await runSpecs(swept, { ...options, force, seconds: await seconds(swept), title: titles(planned, sweeps) }),
  );
  const tableSeeds = [...new Set(distinctRuns(planned).map(({ seed }) => seed))];
  const chosen = chooseRates(sweeps, { records: first, tableSeeds });
  const studies = await plan.runs(chosen.best);
  for (const study of studies) requireFairStudy(study, sweeps);
  const specs = distinctRuns(studies);
  const second = zip(
    specs,
    await runSpecs(specs, { ...options, force, seconds: await seconds(specs), title: titles(studies, sweeps) }),
  );
  return { studies, evidence: { sweeps, chosen, records: new Map([...first, ...second]) } };
}

/** Writes tables, report and figures, and names the files. */
async function write(sections: readonly Section[], evidence: Evidence, { settings, args }: {
  readonly settings: Settings;
  readonly args: readonly string[];
}): Promise<string[]> {
  const { out, flags: { parquet, report = `${out}/ablations.md` } } = settings;
  const records = [...evidence.records.values()];
  await writeTables(out, records, { parquet });
  const specs = [...evidence.records.keys()];
  await writeAtomically(`${out}/specs.json`, `[\n${specs.map(canonicalJson).join(",\n")}\n]\n`);
  const { sources: inputs, flags: { "write-spec": written } } = settings;
  if (written !== undefined) await writeRunFile(written, specs, { inputs, out });
  const ownFolder = settings.flags.report === undefined ? undefined : report.replace(/\.[^./]*$/, "");
  const folder = ownFolder ?? out;
  await Deno.mkdir(folder, { recursive: true });
  const figures: string[] = [];
  for (const { studyRuns: { study: { name } }, figure } of sections) {
    figures.push(`${folder}/${name}.svg`);
    await writeAtomically(`${folder}/${name}.svg`, `${figure}\n`);
  }
  const prefix = ownFolder === undefined ? "" : `${folder.split("/").at(-1)}/`;
  const text = ablationReport(sections, evidence, {
    command: ["deno task reproduce ablations", ...args.filter((word) => word !== "--json")].join(" "),
    comparable: comparable(records[0].spec),
    figureOf: (name) => `${prefix}${name}.svg`,
  });
  await writeAtomically(report, text);
  const tables = ["runs", "curves"].flatMap((name) => [
    `${out}/${name}.arrow`,
    ...parquet ? [`${out}/${name}.parquet`] : [],
  ]);
  return [...tables, report, ...figures];
}

/** Prints tables and findings, and sets the exit code. */
function finish(sections: readonly Section[], { evidence, files, json }: {
  readonly evidence: Evidence;
  readonly files: readonly string[];
  readonly json: boolean;
}): void {
  const records = [...evidence.records.values()];
  const result = runSummary(records, { experiment: "ablations", files });
  if (json) {
    const studies = sections.map(({ studyRuns: { study }, comparison, pairs, findings }) => ({
      name: study.name,
      question: study.question,
      findings,
      comparison,
      pairs,
    }));
    console.log(JSON.stringify({ ...result, rates: evidence.chosen.best, studies }));
  } else {
    for (const { studyRuns: { study }, tables, findings } of sections) {
      console.log(`\n## ${study.title}\n\n${study.question}`);
      for (const table of tables) console.log(`\n${table}`);
      console.log(`\n${findings}`);
    }
    console.log(`\nwritten: ${files.join(", ")}`);
  }
  if (result.failed === 0) return;
  console.error(`reproduce: ${result.failed} of ${records.length} runs failed; called again, it tries them again`);
  Deno.exitCode = 1;
}

/** Runs the command with the arguments behind its name. */
export async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(HELP);
  const settings = settingsOf(args);
  const { flags: { force, json, device: wanted, verbose, "dry-run": isDry }, out, studies, options } = settings;
  const say = (line: string) => json ? console.error(line) : console.log(line);
  const inputs = new Inputs(settings.sources);
  const plan = new AblationPlan(inputs, studies, options);
  if (!isDry) await requireForRecords(out);
  using lock = isDry ? undefined : await lockFolder(out);

  // Rates decide which runs there are: they are the recipes' own until the sweep is recorded.
  const sweeps = await plan.sweeps();
  const swept = distinctRuns([], sweeps);
  const recorded = force ? undefined : await recordedOf(swept, out);
  const rates = recorded && chooseRates(sweeps, { records: recorded, tableSeeds: [] }).best;
  const planned = await plan.runs(rates);
  const specs = [...swept, ...distinctRuns(planned)];
  const open = force ? specs : await openRuns(specs, out);
  say(
    `runs: ${specs.length} = ${swept.length} to choose learning rates, ${specs.length - swept.length} of ` +
      `${planned.length === 1 ? "1 study" : `${planned.length} studies`}; ${
        specs.length - open.length
      } of them recorded`,
  );

  using device: Device | undefined = open.length > 0
    ? await openDevice({ device: wanted, report: tell, verbose })
    : undefined;
  if (device) describeDevice(device, say);
  else say("nothing is left to run");
  if (device && !isDry) { for (const line of await understoodTasks(inputs, open)) say(line); }
  const trainer = device && new Trainer(device, inputs, { out, saveEvery: settings.saveEvery });
  const { parallel = device ? usualAtOnce(settings, device) : 1, sources } = settings;
  using processes = parallel > 1
    ? new RunProcesses({ parallel, sources, device: wanted, out, saveEvery: settings.saveEvery })
    : undefined;
  try {
    const seconds = trainer ? await estimateSeconds(open, trainer) : new Map<RunSpec, number>();
    const total = seconds.values().reduce((sum, one) => sum + one, 0);
    if (trainer) {
      say(`time: ${parallel > 1 ? `up to ${duration(total)}, ${parallel} runs at once` : `about ${duration(total)}`}`);
    }
    if (isDry) {
      const summary = { experiment: "ablations", specs, open: open.length, seconds: total };
      const isOpen = new Set(open);
      const left = (own: readonly RunSpec[]) => byMethod(seconds)(own.filter((spec) => isOpen.has(spec)));
      console.log(json ? JSON.stringify(summary) : `\n${studiesTable(planned, { seconds: left })}`);
      return;
    }
    const { studies: done, evidence } = await gather(plan, {
      out,
      lock,
      run: (processes ?? trainer)?.run,
      parallel,
      force,
      secondsOf: byMethod(seconds),
    });
    const sections = done.map((study) => sectionOf(study, evidence));
    const files = await write(sections, evidence, { settings, args });
    finish(sections, { evidence, files, json });
  } finally {
    trainer?.close();
  }
}
