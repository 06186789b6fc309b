// deno task reproduce glue [--scale default|small|paper] [--tasks a,b|all] [--methods a,b] [--model DIR|NAME] [--data DIR] …
import type { FlagTable } from "../terminal/flag_table.ts";
import { flagHelp, readFlags } from "../terminal/read_flags.ts";
import { ALL_METHODS, METHODS } from "../recipes/methods.ts";
import { ALL_TASKS, SCALE, type Scale, TASKS } from "../recipes/mod.ts";
import { Inputs } from "../runner/data/inputs.ts";
import { ownTaskNamed, taskList } from "../runner/data/own_task.ts";
import { writeRunFile } from "../runner/write_run_file.ts";
import { runGrid } from "../runner/run_grid.ts";
import { methodList } from "../runner/train/load_method.ts";
import { glueExperiment } from "../studies/glue/experiment.ts";
import { glueSpecs, orderTasks, startTasks } from "../studies/glue/glue_specs.ts";
import { recordedSeeds } from "../studies/growth.ts";
import { recordedOf } from "../studies/recorded.ts";
import { sizeOfModel, studiedModel } from "../suite/encoders.ts";
import { GLUE } from "./glue_flags.ts";
import { commandLine, gridOptions, growthOf, marginOf } from "./grid_options.ts";

/** What `--help` prints. */
export const HELP = `Trains methods on GLUE's tasks from one encoder and prints their table beside the papers'.

  deno task reproduce glue [flags]

${flagHelp(GLUE)}

An interrupted command goes on where it was when it is called again. Exit code 1 where a run failed.`;

/** Flags of the command. */
export const FLAGS: FlagTable = GLUE;

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
  const isSuite = model === undefined || sizeOfModel(model) !== undefined;
  const named = SCALE[flags.scale ?? (isSuite ? "default" : "small")];
  const scale = withStarts(named, start);
  const { tasks: listed = scale.tasks.join(",") } = flags;
  const tasks: readonly string[] = listed === "all" ? TASKS : await taskList(listed, ALL_TASKS);
  return {
    flags,
    out: flags.out ?? scale.out,
    sources: { model: model === undefined ? scale.model?.id : studiedModel(model), data, revision, offline },
    grid: {
      scale,
      tasks,
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
function inputsOf({ sources, grid: { scale, tasks, isPlan } }: Settings): Inputs {
  if (isPlan) return new Inputs(sources, scale.model);
  if (scale.model && sources.data === undefined && !tasks.every(ownTaskNamed)) {
    throw new RangeError(`--scale ${scale.name} needs GLUE's files: --data DIR`);
  }
  return new Inputs(sources);
}

/** Until when pairs are added, and what runs with so many seeds. */
function growthIn({ flags, grid }: Settings, inputs: Inputs) {
  const growth = growthOf(flags, { tasks: orderTasks(grid).length });
  if (!growth) return undefined;
  if (startTasks(grid.tasks, grid).length > 0) {
    throw new RangeError("--until is for runs that start from the model: --start model");
  }
  if (grid.methods.length < 2) throw new RangeError("--until is for differences: name two methods at least");
  return { ...growth, specsOf: (seeds: number) => glueSpecs(inputs, { ...grid, seeds }) };
}

/** Runs the command with the arguments behind its name. */
export async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(HELP);
  const settings = await settingsOf(args);
  const { flags, out, sources, grid } = settings;
  const inputs = inputsOf(settings);
  const { "write-spec": writeSpec, json } = flags;
  const growth = growthIn(settings, inputs);
  const specs = growth
    ? await growth.specsOf(
      await recordedSeeds(growth, async (seeds) => {
        const records = await recordedOf(await growth.specsOf(seeds), out);
        if (!records) return undefined;
        const { widestOf } = await import("../studies/glue/verdicts.ts"); // which loads statistics
        return { found: records, width: widestOf([...records.values()]) };
      }),
    )
    : await glueSpecs(inputs, grid);
  if (writeSpec !== undefined) await writeRunFile(writeSpec, specs, { inputs: sources, out });
  const command = commandLine("reproduce glue", args);
  const experiment = glueExperiment(specs, {
    inputs,
    grid,
    out,
    command,
    margin: marginOf(flags),
    growth,
    writeSpec,
    json,
  });
  await runGrid(experiment, { ...gridOptions(flags), command: "reproduce", out });
}
