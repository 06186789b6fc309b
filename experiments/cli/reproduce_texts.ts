// deno task reproduce e2e|webnlg|xsum [--scale default|paper] [--methods a,b] [--model DIR|NAME] [--data DIR] …
import { ALL_METHODS } from "../recipes/methods.ts";
import { TEXT_SCALE, type TextTaskName } from "../recipes/texts.ts";
import { Inputs } from "../runner/data/inputs.ts";
import { suiteTextModel } from "../runner/model/load_model.ts";
import { runGrid } from "../runner/run_grid.ts";
import { methodList } from "../runner/train/load_method.ts";
import { writeRunFile } from "../runner/write_run_file.ts";
import { textExperiment } from "../studies/texts/text_experiment.ts";
import { textSpecs } from "../studies/texts/text_specs.ts";
import type { FlagTable } from "../terminal/flag_table.ts";
import { flagHelp, readFlags } from "../terminal/read_flags.ts";
import { commandLine, gridOptions, marginOf } from "./grid_options.ts";
import { TEXT_GRID } from "./text_flags.ts";

/** What `--help` prints of a task. */
const helpOf = (task: string) =>
  `Trains methods on ${task} from one model that writes texts, and prints their scores beside the papers', those of the
untuned model, a template and the references themselves.

  deno task reproduce ${task} [flags]

${flagHelp(TEXT_GRID)}

An interrupted command goes on where it was when it is called again. Exit code 1 where a run failed.`;

/** What `--help` prints. */
export const HELP = helpOf("e2e|webnlg|xsum");

/** Flags of the command. */
export const FLAGS: FlagTable = TEXT_GRID;

/** Runs the command of a task with the arguments behind its name. */
export async function runTexts(task: TextTaskName, args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(helpOf(task));
  const flags = readFlags(args, TEXT_GRID);
  const scale = TEXT_SCALE[flags.scale ?? "default"];
  const {
    model = scale.model[task]?.id ?? suiteTextModel(task === "xsum" ? "encoder-decoder" : "decoder"),
    data,
    revision,
    offline,
    json,
    "write-spec": writeSpec,
  } = flags;
  const { out = scale.out(task), "dry-run": isPlan } = flags;
  const isPaper = scale.name === "paper";
  if (isPaper && data === undefined && !isPlan) throw new RangeError(`--scale paper needs ${task}'s files: --data DIR`);
  const sources = { model, data, revision, offline };
  const inputs = new Inputs(sources, isPlan ? scale.model[task] : undefined);
  const specs = await textSpecs(inputs, {
    task,
    scale,
    methods: flags.methods === undefined ? scale.methods : await methodList(flags.methods, ALL_METHODS),
    seeds: flags.seeds ?? scale.seeds,
    firstSeed: flags["first-seed"],
    steps: flags.steps,
    learningRate: flags["learning-rate"],
    sources: flags.sources,
    isPlan,
  });
  if (writeSpec !== undefined) await writeRunFile(writeSpec, specs, { inputs: sources, out });
  const command = commandLine(`reproduce ${task}`, args);
  const experiment = textExperiment(specs, {
    ...{ inputs, task, out, command },
    margin: marginOf(flags),
    device: flags.device,
  });
  await runGrid(experiment, { ...gridOptions(flags), json, command: "reproduce", out });
}
