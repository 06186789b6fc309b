// deno task reproduce glue [--tasks a,b|all] [--methods a,b] [--seeds N] [--steps N] [--data DIR] [--out DIR] …
import { parseArgs } from "@std/cli/parse-args";
import { openDevice } from "../mod.ts";
import {
  hashSpec,
  lockFolder,
  nearest,
  paperTable,
  readRecord,
  report,
  reportFigure,
  requireName,
  runAll,
  type RunRecord,
  type RunSpec,
  scoreTable,
} from "../lib/experiment/mod.ts";
import { writeAtomically } from "../lib/io/mod.ts";
import { fail } from "./command/fail.ts";
import { ProgressBar } from "./command/progress_bar.ts";
import { isModified } from "./command/versions.ts";
import { advice } from "./doctor.ts";
import { DEFAULT_STEPS, DEFAULT_TASKS, GlueGrid, GlueTrainer, METHODS, TASKS } from "./glue.ts";
import { PAPER_GLUE } from "./paper.ts";

const HELP = `Trains methods on GLUE's tasks from one encoder and prints their table beside the papers'.

  deno task reproduce glue [flags]

  --tasks a,b|all   of ${TASKS.join(", ")}; by default ${DEFAULT_TASKS.join(",")}
  --methods a,b     of ${METHODS.join(", ")}; by default all
  --seeds N         how many seeds, 2 by default
  --steps N         optimizer steps of a run, ${DEFAULT_STEPS} by default
  --data DIR        GLUE's own folders (CoLA/train.tsv, plain or .gz …) in place of the generated suite
  --out DIR         where records and the report go, runs/glue by default
  --adapter NAME    swiftshader, lavapipe, browser, or part of an adapter's name
  --force           repeats runs that are recorded
  --dry-run         only says what would run, and for how long
  --json            one JSON document on standard output, all else on standard error
  --help            this text

An interrupted command goes on where it was when it is called again.`;

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
  string: ["tasks", "methods", "seeds", "steps", "data", "out", "adapter"],
} as const;

function wholeNumber(flag: string, text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`--${flag} is a whole number from 1, not "${text}"`);
  }
  return value;
}

function names<Name extends string>(kind: string, list: string, known: readonly Name[]): Name[] {
  if (list === "all") return [...known];
  return [...new Set(list.split(",").map((word) => requireName(kind, word.trim(), known)))];
}

function minutes(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${(seconds / 60).toFixed(1)} min`;
}

function title({ task, method, seed }: RunSpec): string {
  return `${task} ${method.name} seed ${seed}`;
}

/** Runs that are not recorded yet. */
async function missing(specs: readonly RunSpec[], out: string, force: boolean): Promise<RunSpec[]> {
  if (force) return [...specs];
  const found = await Promise.all(specs.map(async (spec) => {
    try {
      return (await readRecord(`${out}/runs/${await hashSpec(spec)}.arrow`)).status === "finished";
    } catch {
      return false; // missing or damaged: it will be made
    }
  }));
  return specs.filter((_, i) => !found[i]);
}

/** Seconds that runs will take: each method is measured on one of its tasks, and scaled by the length of texts. */
async function estimate(specs: readonly RunSpec[], trainer: GlueTrainer): Promise<number> {
  const measured = new Map<string, { seconds: number; length: number }>();
  for (const spec of specs) {
    if (measured.has(spec.method.name)) continue;
    measured.set(spec.method.name, { seconds: await trainer.estimate(spec), length: spec.model.length });
  }
  return specs.reduce((sum, { method, model }) => {
    const { seconds, length } = measured.get(method.name)!;
    return sum + seconds * model.length / length;
  }, 0);
}

function summary(records: readonly RunRecord[], out: string) {
  return {
    experiment: "glue",
    files: ["runs.arrow", "curves.arrow", "report.md", "report.svg"].map((name) => `${out}/${name}`),
    runs: records.map(({ hash, spec, status, error, result }) => ({
      hash,
      spec,
      status,
      error,
      ...result,
      curve: undefined,
    })),
  };
}

async function main(): Promise<void> {
  const flags = parseArgs(Deno.args, {
    ...FLAGS,
    default: {
      tasks: DEFAULT_TASKS.join(","),
      methods: "all",
      seeds: "2",
      steps: String(DEFAULT_STEPS),
      out: "runs/glue",
    },
    unknown: (word: string, key?: string) => {
      if (key === undefined) return true;
      const known = [...FLAGS.boolean, ...FLAGS.string];
      throw new RangeError(`unknown flag ${word}: did you mean --${nearest(key, known)}? See --help`);
    },
  });
  if (flags.help) return console.log(HELP);
  const [experiment, ...rest] = flags._.map(String);
  if (experiment === undefined) throw new RangeError("what is to be reproduced is missing: deno task reproduce glue");
  requireName("experiment", experiment, ["glue"]);
  if (rest.length > 0) throw new RangeError(`unexpected argument "${rest[0]}": see --help`);
  for (const name of FLAGS.string) {
    if (flags[name] === "") throw new RangeError(`--${name} needs a value: see --help`);
  }
  const { out } = flags;
  const say = (line: string) => flags.json ? console.error(line) : console.log(line);

  const grid = await GlueGrid.open({
    tasks: names("task", flags.tasks, TASKS),
    methods: names("method", flags.methods, METHODS),
    seeds: wholeNumber("seeds", flags.seeds),
    steps: wholeNumber("steps", flags.steps),
    data: flags.data,
  });
  using _lock = flags["dry-run"] ? undefined : await lockFolder(out);
  using device = await openDevice({ adapter: flags.adapter, report: (line) => console.error(line) });
  say(`adapter: ${device.report.name} (${device.report.source})`);
  if (device.report.isSoftware) say(`faster: ${advice(device.report)}`);

  const trainer = new GlueTrainer(grid, device);
  const open = await missing(grid.specs, out, flags.force);
  const methods = [...new Set(grid.specs.map(({ method }) => method.name))];
  say(
    `runs: ${grid.specs.length} (${[...grid.tasks.keys()].join(", ")} × ${
      methods.join(", ")
    } × ${flags.seeds} seeds), ` +
      `${grid.specs.length - open.length} of them recorded`,
  );
  const seconds = await estimate(open, trainer);
  say(`time: about ${minutes(seconds)}`);
  if (flags["dry-run"]) {
    if (flags.json) {
      console.log(
        JSON.stringify({ experiment, adapter: device.report.name, specs: grid.specs, open: open.length, seconds }),
      );
    } else {for (const spec of open) {
        console.log(`  ${title(spec)}: ${spec.steps} steps at ${spec.optimizer.learningRate}`);
      }}
    return;
  }

  const controller = new AbortController();
  const interrupt = () => controller.abort(new Error(`interrupted: the same command goes on from here (${out})`));
  Deno.addSignalListener("SIGINT", interrupt);
  let bar: ProgressBar | undefined;
  let done = 0;
  try {
    const records = await runAll(grid.specs, {
      out,
      run: trainer.run,
      force: flags.force,
      signal: controller.signal,
      isModified: await isModified(),
      onStart: (index, spec) => bar = new ProgressBar(`[${index + 1}/${grid.specs.length}] ${title(spec)}`, spec.steps),
      onProgress: (_, { step, loss }) => bar?.update(step, `loss ${loss.toFixed(3)}`),
      onRecord: (index, { spec, status, error, result }, isReused) => {
        bar?.end();
        bar = undefined;
        if (isReused) return;
        done++;
        const score = result
          ? `${spec.metric} ${(100 * result.metrics[spec.metric]).toFixed(1)}`
          : `${status}: ${error}`;
        console.error(`[${index + 1}/${grid.specs.length}] ${title(spec)}: ${score}`);
      },
      onDamage: (path, reason) => console.error(`${path} was damaged and is set aside: ${reason}`),
    });
    const tasks = [...grid.tasks.keys()];
    const text = {
      title: flags.data ? "GLUE" : "The suite in GLUE's format",
      command: ["deno task reproduce", ...Deno.args.filter((word) => word !== "--json")].join(" "),
      comparable: COMPARABLE[flags.data ? "folder" : "suite"],
    };
    await writeAtomically(`${out}/report.md`, report(records, PAPER_GLUE, text));
    await writeAtomically(`${out}/report.svg`, reportFigure(records));
    if (flags.json) {
      console.log(JSON.stringify(summary(records, out)));
      return;
    }
    console.log(
      `\n${
        scoreTable(records)
      }\n\nmean ± standard deviation over ${flags.seeds} seeds, per cent, dev split, last checkpoint`,
    );
    console.log(
      `\nThe papers, RoBERTa-base on GLUE ("?": as recalled; check with the paper):\n\n${
        paperTable(PAPER_GLUE, tasks)
      }`,
    );
    console.log(
      `\n${text.comparable}\n\nwritten: ${
        ["runs.arrow", "curves.arrow", "report.md", "report.svg"].map((name) => `${out}/${name}`).join(", ")
      }` +
        `${done === 0 ? " (nothing was left to run)" : ""}`,
    );
  } finally {
    bar?.end();
    Deno.removeSignalListener("SIGINT", interrupt);
    trainer.close();
  }
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    fail("reproduce", error);
  }
}
