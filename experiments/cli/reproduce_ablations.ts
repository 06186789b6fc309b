// deno task reproduce ablations [--scale default|medium|large] [--only a,b] [--tasks a,b] [--seeds N] [--steps N] …
import type { FlagTable } from "../terminal/flag_table.ts";
import { nameList } from "../terminal/flags.ts";
import { flagHelp, readFlags } from "../terminal/read_flags.ts";
import { ALL_TASKS, SCALE, TASKS } from "../recipes/mod.ts";
import { Inputs } from "../runner/data/inputs.ts";
import { runGrid } from "../runner/run_grid.ts";
import type { SharedOut } from "../runner/share_out.ts";
import { ablationExperiment } from "../studies/ablations/experiment.ts";
import { ABLATION_SIZE, SWEEP_FACTORS, SWEEP_SEED } from "../studies/ablations/sizes.ts";
import { AblationPlan } from "../studies/ablations/specs.ts";
import { pairsPerSeed } from "../studies/ablations/swept.ts";
import { isNamed, STUDIES, STUDY_GROUPS } from "../studies/ablations/studies/mod.ts";
import { sizeOfModel, studiedModel } from "../suite/encoders.ts";
import { ABLATIONS } from "./ablation_flags.ts";
import { commandLine, gridOptions, growthOf, marginOf } from "./grid_options.ts";

const NAMES: readonly string[] = [...STUDIES.map(({ name }) => name), ...STUDY_GROUPS];
const USUAL: readonly string[] = STUDIES.filter(({ isExtra }) => !isExtra).map(({ name }) => name);

/** Groups as help lists them. */
const GROUPS = STUDY_GROUPS.map((name) => ({ name, title: `all of ${name}-…` }));

/** What `--help` prints. */
export const HELP =
  `Asks what of Delta-LoRA matters, a study at a time, each with a table, a figure and its findings in words.

  deno task reproduce ablations [flags]

${[...STUDIES, ...GROUPS].map(({ name, title }) => `  ${name.padEnd(16)}${title}`).join("\n")}

Learning rates come first: ${
    SWEEP_FACTORS.join(", ")
  } times the recipe's are tried for each method with its optimizer, on
seeds from ${SWEEP_SEED} on or beyond the tables', which no table uses. Runs that studies share are run once.

${flagHelp(ABLATIONS)}

An interrupted command goes on where it was when it is called again. Exit code 1 where a run failed.`;

/** Flags of the command. */
export const FLAGS: FlagTable = ABLATIONS;

/** What flags ask for. */
function settingsOf(args: readonly string[]) {
  const flags = readFlags(args, ABLATIONS);
  const { model, data, revision, offline } = flags;
  const isSuite = model === undefined || sizeOfModel(model) !== undefined;
  if (!isSuite && data === undefined) throw new RangeError("--model needs GLUE's files: --data DIR");
  const size = ABLATION_SIZE[flags.scale ?? "default"];
  const { seeds = size.seeds, "many-seeds": manySeeds = size.manySeeds, "sweep-seeds": sweepSeeds, steps } = flags;
  const tasks = flags.tasks === undefined
    ? undefined
    : flags.tasks === "all"
    ? TASKS
    : nameList("task", flags.tasks, ALL_TASKS);
  const only = flags.only === undefined ? USUAL : nameList("study", flags.only, NAMES);
  return {
    flags,
    out: flags.out ?? size.out,
    sources: { model: studiedModel(model), data, revision, offline },
    studies: STUDIES.filter((study) => isNamed(study, only)),
    options: {
      name: size.name,
      recipe: isSuite ? SCALE.default : SCALE.small,
      tasks: tasks ?? size.tasks,
      seeds,
      manySeeds: Math.max(seeds, manySeeds),
      sweepSeeds: sweepSeeds ?? size.sweepSeeds,
      sweepsEach: flags.sweep === "conditions",
      steps: steps ?? size.steps,
      asked: {
        ...tasks && { tasks },
        ...flags.seeds !== undefined && { seeds },
        ...sweepSeeds !== undefined && { sweepSeeds },
        ...steps !== undefined && { steps },
      },
      checkpoint: flags.checkpoint,
    },
  };
}

type Settings = ReturnType<typeof settingsOf>;

/** How runs are shared out where studies say of it: what they tell of time and memory would suffer from others beside. */
function sharesOf({ studies, flags: { parallel, cells } }: Settings): Partial<SharedOut> {
  const isAlone = studies.some(({ figure }) => figure.kind === "memory");
  return isAlone ? { parallel: parallel ?? 1, cells: cells ?? 1 } : { parallel, cells };
}

/** Until when pairs are added: sweeps have their seeds, whatever comes. */
function growthIn({ flags, studies, options }: Settings) {
  const growth = growthOf(flags, { tasks: pairsPerSeed(studies, options) });
  if (growth && flags["many-seeds"] !== undefined) {
    throw new RangeError(
      "--until adds seeds to all studies alike, and --many-seeds fixes those of one: give one of them",
    );
  }
  if (growth && growth.most > SWEEP_SEED) {
    throw new RangeError(
      `--until takes at most ${SWEEP_SEED} seeds, as sweeps have those beyond: --seeds ${growth.most}`,
    );
  }
  return growth;
}

/** Runs the command with the arguments behind its name. */
export async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(HELP);
  const settings = settingsOf(args);
  const { flags, out, sources, studies, options } = settings;
  const { force, parquet, report, "write-spec": writeSpec } = flags;
  const plan = new AblationPlan(new Inputs(sources), studies, options);
  const command = commandLine("reproduce ablations", args);
  const written = {
    out,
    report,
    parquet,
    command,
    force,
    writeSpec,
    sources,
    margin: marginOf(flags),
    growth: growthIn(settings),
    json: flags.json,
  };
  const experiment = await ablationExperiment(plan, written);
  await runGrid(experiment, { ...gridOptions(flags), command: "reproduce", out, ...sharesOf(settings) });
}
