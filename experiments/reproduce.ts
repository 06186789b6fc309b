// deno task reproduce glue [--tasks a,b|all] [--methods a,b] [--seeds N] [--steps N] [--data DIR] [--out DIR] …
import { parseArgs } from "@std/cli/parse-args";
import { type Device, openDevice } from "../mod.ts";
import {
  findRecord,
  lockFolder,
  METRIC_NAMES,
  paperTable,
  report,
  reportFigure,
  requireName,
  runAll,
  type RunRecord,
  type RunSpec,
  scoreCaption,
  scoreOf,
  scoreTable,
  writeLines,
} from "../lib/experiment/mod.ts";
import { writeAtomically } from "../lib/io/mod.ts";
import { duration } from "./command/duration.ts";
import { fail } from "./command/fail.ts";
import { checkValues, nameList, positive, refuseUnknown, wholeNumber } from "./command/flags.ts";
import { onInterrupt } from "./command/interrupt.ts";
import { ProgressBar } from "./command/progress_bar.ts";
import { isModified } from "./command/versions.ts";
import { advice } from "./doctor.ts";
import { DEFAULT_STEPS, DEFAULT_TASKS, GlueGrid, GlueTrainer, TASKS } from "./glue.ts";
import { METHODS } from "./methods.ts";
import { PAPER_GLUE } from "./paper.ts";

const HELP = `Trains methods on GLUE's tasks from one encoder and prints their table beside the papers'.

  deno task reproduce glue [flags]

  --tasks a,b|all    of ${TASKS.join(", ")}; by default ${DEFAULT_TASKS.join(",")}
  --methods a,b|all  of ${METHODS.join(", ")}; by default all
  --seeds N          how many seeds, 2 by default
  --first-seed N     the first of them, 0 by default
  --learning-rate X  peak rate of all methods, in place of each one's own: for sweeps
  --steps N          optimizer steps of a run, ${DEFAULT_STEPS} by default; Delta-LoRA's K is a quarter of them
  --data DIR         GLUE's own folders (CoLA/train.tsv, plain or .gz …) in place of the generated suite
  --out DIR          where records and the report go, runs/glue by default
  --adapter NAME     swiftshader, lavapipe, browser, or part of an adapter's name
  --force            repeats runs that are recorded
  --dry-run          only says what would run, and for how long
  --json             one JSON document on standard output, all else on standard error
  --help             this text

An interrupted command goes on where it was when it is called again. Exit code 1 where a run failed.`;

/** What the table can and cannot say. */
const COMPARABLE = {
  suite:
    "Not comparable with the papers: our tasks are generated in GLUE's format, and the encoder has two small layers. " +
    "What can be compared is our methods with each other, which saw the same data, steps and encoder.",
  folder:
    "Only roughly comparable with the papers: the data are GLUE's own, but the encoder has two small layers and never " +
    "saw natural text, where the papers' is RoBERTa-base. Our methods saw the same data, steps and encoder.",
};

const FLAGS = {
  boolean: ["force", "dry-run", "json", "help"],
  string: ["tasks", "methods", "seeds", "first-seed", "learning-rate", "steps", "data", "out", "adapter"],
} as const;

const FILES = ["runs.arrow", "curves.arrow", "report.md", "report.svg"] as const;

function title({ task, method, seed }: RunSpec): string {
  return `${task} ${method.name} seed ${seed}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Runs that are not recorded as finished. */
async function openRuns(specs: readonly RunSpec[], out: string): Promise<RunSpec[]> {
  const found = await Promise.all(specs.map((spec) => findRecord(out, spec)));
  return specs.filter((_, i) => found[i].kind !== "finished");
}

/** Seconds that each run will take: each method is measured on one of its tasks, and scaled by the length of texts. */
async function estimate(specs: readonly RunSpec[], trainer: GlueTrainer): Promise<Map<RunSpec, number>> {
  const measured = new Map<string, { seconds: number; length: number }>();
  const seconds = new Map<RunSpec, number>();
  for (const spec of specs) {
    const { method, model } = spec;
    if (!measured.has(method.name)) {
      measured.set(method.name, { seconds: await trainer.estimate(spec), length: model.length });
    }
    const known = measured.get(method.name)!;
    seconds.set(spec, known.seconds * model.length / known.length);
  }
  return seconds;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function summary(records: readonly RunRecord[], out: string) {
  return {
    experiment: "glue",
    files: FILES.map((name) => `${out}/${name}`),
    failed: records.filter(({ status }) => status === "failed").length,
    runs: records.map((record) => {
      const { hash, spec, status, error, result, isModified } = record;
      return { hash, spec, status, error, score: scoreOf(record), ...result, isModified, curve: undefined };
    }),
  };
}

/** Tells how runs go, on standard error. */
class Narrator {
  readonly #began = performance.now();
  #bar: ProgressBar | undefined;
  #expected: number;
  #done = 0;

  /** Seconds that are expected of each run that is open. */
  constructor(readonly count: number, readonly seconds: ReadonlyMap<RunSpec, number>) {
    this.#expected = sum(seconds.values());
  }

  start(index: number, spec: RunSpec): void {
    this.#bar = new ProgressBar(`[${index + 1}/${this.count}] ${title(spec)}`, spec.steps);
  }

  progress(step: number, loss: number): void {
    this.#bar?.update(step, `loss ${loss.toFixed(3)}`);
  }

  record(index: number, record: RunRecord, spec: RunSpec): void {
    this.end();
    this.#done += this.seconds.get(spec) ?? 0;
    const score = scoreOf(record);
    const outcome = score === undefined
      ? `failed: ${record.error}`
      : `${METRIC_NAMES[spec.metric]} ${(100 * score).toFixed(1)}`;
    const elapsed = (performance.now() - this.#began) / 1000;
    const left = elapsed * (this.#expected / this.#done - 1);
    const rest = this.#done < this.#expected ? `  about ${duration(left)} left` : "";
    console.error(`[${index + 1}/${this.count}] ${title(spec)}: ${outcome}${rest}`);
  }

  end(): void {
    this.#bar?.end();
    this.#bar = undefined;
  }
}

/** What a person reads in the end. */
function text(records: readonly RunRecord[], comparable: string, out: string): string {
  const tasks = [...new Set(records.map(({ spec }) => spec.task))];
  return [
    scoreTable(records),
    `${scoreCaption(records)}.`,
    ...writeLines(records).map((line) => `${line}.`),
    'The papers, RoBERTa-base on GLUE ("?": as recalled; check with the paper):',
    paperTable(PAPER_GLUE, tasks),
    comparable,
    `written: ${FILES.map((name) => `${out}/${name}`).join(", ")}`,
  ].map((part) => `\n${part}`).join("\n");
}

async function main(): Promise<void> {
  checkValues(Deno.args, FLAGS);
  const flags = parseArgs(Deno.args, {
    ...FLAGS,
    default: {
      tasks: DEFAULT_TASKS.join(","),
      methods: "all",
      seeds: "2",
      "first-seed": "0",
      steps: String(DEFAULT_STEPS),
      out: "runs/glue",
    },
    unknown: refuseUnknown(FLAGS),
  });
  if (flags.help) return console.log(HELP);
  const [experiment, ...rest] = flags._.map(String);
  if (experiment === undefined) throw new RangeError("what is to be reproduced is missing: deno task reproduce glue");
  requireName("experiment", experiment, ["glue"]);
  if (rest.length > 0) throw new RangeError(`unexpected argument "${rest[0]}": see --help`);
  const { out, force, json, data } = flags;
  const say = (line: string) => json ? console.error(line) : console.log(line);

  const grid = await GlueGrid.open({
    tasks: nameList("task", flags.tasks, TASKS),
    methods: nameList("method", flags.methods, METHODS),
    seeds: wholeNumber("seeds", flags.seeds),
    firstSeed: wholeNumber("first-seed", flags["first-seed"], 0),
    learningRate: flags["learning-rate"] === undefined ? undefined : positive("learning-rate", flags["learning-rate"]),
    steps: wholeNumber("steps", flags.steps),
    data,
  });
  const { specs } = grid;
  using _lock = flags["dry-run"] ? undefined : await lockFolder(out);
  const open = force ? [...specs] : await openRuns(specs, out);
  const methods = [...new Set(specs.map(({ method }) => method.name))];
  say(
    `runs: ${specs.length} = ${[...grid.tasks.keys()].join(", ")} × ${methods.join(", ")} × ` +
      `${plural(Number(flags.seeds), "seed")}; ${specs.length - open.length} of them recorded`,
  );

  // Where all is recorded nothing needs to compute.
  using device = open.length > 0 ? await openDevice({ adapter: flags.adapter, report: console.error }) : undefined;
  const trainer = device && new GlueTrainer(grid, device);
  if (device) describeDevice(device, say);
  const seconds = trainer ? await estimate(open, trainer) : new Map<RunSpec, number>();
  say(trainer ? `time: about ${duration(sum(seconds.values()))}` : "nothing is left to run");
  if (flags["dry-run"]) {
    const adapter = device?.report.name;
    if (json) {
      const total = sum(seconds.values());
      console.log(JSON.stringify({ experiment, adapter, specs, open: open.length, seconds: total }));
    } else {
      for (const spec of open) {
        say(`  ${title(spec)}: ${spec.steps} steps at a rate of ${spec.optimizer.learningRate}`);
      }
    }
    return;
  }

  using interrupt = onInterrupt(`interrupted: the same command goes on from here (${out})`);
  const narrator = new Narrator(specs.length, seconds);
  let records: RunRecord[];
  try {
    records = await runAll(specs, {
      out,
      run: (spec, options) => {
        if (!trainer) throw new Error(`internal: ${title(spec)} is recorded and runs all the same`);
        return trainer.run(spec, options);
      },
      force,
      signal: interrupt.signal,
      isModified: await isModified(),
      onStart: (index, spec) => narrator.start(index, spec),
      onProgress: (_, { step, loss }) => narrator.progress(step, loss),
      onRecord: (index, record, isReused) => isReused || narrator.record(index, record, specs[index]),
      onDamage: (path, reason) => console.error(`${path} is damaged, set aside and made again: ${reason}`),
    });
  } finally {
    narrator.end();
    trainer?.close();
  }

  const comparable = COMPARABLE[data ? "folder" : "suite"];
  const command = ["deno task reproduce", ...Deno.args.filter((word) => word !== "--json")].join(" ");
  const heading = data ? "GLUE" : "The suite in GLUE's format";
  await writeAtomically(`${out}/report.md`, report(records, PAPER_GLUE, { title: heading, command, comparable }));
  await writeAtomically(`${out}/report.svg`, reportFigure(records));
  const result = summary(records, out);
  console.log(json ? JSON.stringify(result) : text(records, comparable, out));
  if (result.failed > 0) {
    console.error(
      `reproduce: ${result.failed} of ${plural(specs.length, "run")} failed; called again, it tries them again`,
    );
    Deno.exitCode = 1;
  }
}

function describeDevice({ report }: Device, say: (line: string) => void): void {
  say(`adapter: ${report.name} (${report.source})`);
  if (report.isSoftware) say(`faster: ${advice(report)}`);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    fail("reproduce", error, { json: Deno.args.includes("--json") });
  }
}
