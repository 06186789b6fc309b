import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import type { RunRecord } from "../../../lib/experiment/records/mod.ts";
import {
  paperTable,
  report,
  scoreCaption,
  scoreTable,
  settingsLines,
  writeLines,
} from "../../../lib/experiment/tables/mod.ts";
import { ownSeconds } from "../../../lib/experiment/statistics/scored_runs.ts";
import { writeAtomically } from "../../../lib/io/mod.ts";
import { plural } from "../../../lib/text/plural.ts";
import { TASKS } from "../../recipes/mod.ts";
import type { Inputs } from "../../runner/data/inputs.ts";
import type { Engine } from "../../runner/engine.ts";
import type { Experiment, Plan, Results, Session } from "../../runner/run_grid.ts";
import { writeRunFile } from "../../runner/write_run_file.ts";
import { sayBeside } from "../../terminal/say.ts";
import { grow, type Growth, growthText } from "../growth.ts";
import { comparable } from "../comparable.ts";
import { understoodTasks } from "../understood_tasks.ts";
import { estimateRuns, type Estimates, estimateSeconds, totalOf } from "./estimate.ts";
import { type GlueSpecsOptions, orderTasks, startTasks } from "./glue_specs.ts";
import { PAPER_GLUE } from "./paper.ts";
import { optionLines } from "./plan_table.ts";
import { planDocument, planText, timeLine } from "./plan_text.ts";

/** Options of {@linkcode glueExperiment}. */
export interface GlueExperimentOptions {
  readonly inputs: Inputs;
  /** What the runs are made of. */
  readonly grid: GlueSpecsOptions;
  /** The folder of records, which gets the report, too. */
  readonly out: string;
  /** The command, as the report names it. */
  readonly command: string;
  /** The difference that does not matter, as a share; 0.02 by default. */
  readonly margin?: number;
  /** Until when pairs are added, and what runs then; the specs alone where it is absent. */
  readonly growth?: Growth & { readonly specsOf: (seeds: number) => Promise<readonly RunSpec[]> };
  /** Gets all runs as a configuration file once they are known. */
  readonly writeSpec?: string;
  /** Whether lines for people go beside a document. */
  readonly json?: boolean;
}

/** What the grid is made of, in lines. */
function gridLines(specs: readonly RunSpec[], grid: GlueSpecsOptions, recorded: number): string[] {
  const tasks = [...new Set(specs.map(({ task }) => task))];
  const methods = [...new Set(specs.map(({ method }) => method.name))];
  const added = orderTasks(grid).filter((task) => !grid.tasks.includes(task));
  const begin = new Set(specs.filter(({ start }) => start).map(({ task }) => task));
  return [
    `runs: ${specs.length} = ${tasks.join(", ")} × ${methods.join(", ")} × ${plural(grid.seeds, "seed")}; ` +
    `${recorded} of them recorded`,
    ...added.length > 0 ? [`added: ${added.join(", ")}, from whose runs ${[...begin].join(", ")} start`] : [],
  ];
}

/** What would run, its work and its time; without estimates where nothing is left. */
export function planOf(specs: readonly RunSpec[], estimates: Estimates | undefined, engine: Engine | undefined): Plan {
  const runs = [...estimates?.runs.values() ?? []];
  const [seconds, operations] = [totalOf(runs.map((one) => one.seconds)), totalOf(runs.map((one) => one.operations))];
  return {
    document: {
      ...{
        experiment: specs[0].experiment,
        device: engine?.device.report.name,
        specs,
        open: runs.length,
        seconds,
        operations,
      },
      ...planDocument(estimates ?? {}),
    },
    text: estimates && planText(estimates, {
      engine,
      work: `; ${(operations / 1e15).toPrecision(3)} PFLOP`,
      notes: [
        optionLines([...estimates.runs.keys()]).join("\n"),
        ...specs[0].split === "dev" ? ["Metrics and checkpoints are of the dev split; no test split is read."] : [],
      ],
    }),
  };
}

/** Writes report and figure, and gives the table beside the papers'. */
async function resultsOf(
  records: readonly RunRecord[],
  { inputs, out, command, margin }: GlueExperimentOptions,
  growth?: string,
): Promise<Results> {
  const compared = comparable(records[0].spec);
  const isOwn = records.every(({ spec }) => spec.data.source === "module");
  const given = inputs.isSuite ? "The suite in GLUE's format" : "GLUE";
  const title = isOwn ? "Tasks of your own" : given;
  const files = [`${out}/report.md`, `${out}/report.svg`];
  const { comparisonOf, verdictParts } = await import("./verdicts.ts"); // which loads statistics
  const comparison = comparisonOf(records, { margin });
  const verdicts = comparison && [...verdictParts(comparison, records), ...growth === undefined ? [] : [growth]];
  await writeAtomically(files[0], report(records, PAPER_GLUE, { title, command, comparable: compared, verdicts }));
  const { reportFigure } = await import("../../../lib/experiment/figures/mod.ts"); // which loads what draws it
  await writeAtomically(files[1], reportFigure(records));
  const parts = [
    scoreTable(records),
    [`${scoreCaption(records)}.`, ...settingsLines(records)].join("\n"),
    ...writeLines(records).map((line) => `${line}.`),
    ...verdicts ?? [],
    'The papers, RoBERTa-base on GLUE ("?": as recalled; check with the paper):',
    paperTable(PAPER_GLUE, [...new Set(records.map(({ spec }) => spec.task))]),
    compared,
  ];
  return { records, parts, files, document: { comparison, pairs: growth } };
}

/** Runs the grid, or groups of its seeds until widths allow, and makes of it what is read. */
async function runAll(
  specs: readonly RunSpec[],
  { runSpecs }: Session,
  options: GlueExperimentOptions,
): Promise<Results> {
  const { growth, json, writeSpec, inputs: { sources }, out } = options;
  if (!growth) return await resultsOf(await runSpecs(specs), options);
  const { found, text } = await grow(growth, {
    say: sayBeside(json),
    run: async (seeds) => {
      const own = await growth.specsOf(seeds);
      const records = await runSpecs(own);
      const { widestOf } = await import("./verdicts.ts");
      const seconds = totalOf(records.map((record) => ownSeconds(record) ?? 0));
      return { found: { own, records }, width: widestOf(records), seconds };
    },
  });
  if (writeSpec !== undefined) await writeRunFile(writeSpec, found.own, { inputs: sources, out });
  return await resultsOf(found.records, options, text);
}

/** The runs of GLUE as an experiment: its plan, its table beside the papers', its report. */
export function glueExperiment(specs: readonly RunSpec[], options: GlueExperimentOptions): Experiment {
  const { inputs, grid } = options;
  return {
    inputs,
    specs,
    // Whether their tasks are asked for now or not.
    startTasks: startTasks(TASKS, grid),
    describe: (
      recorded,
    ) => [...gridLines(specs, grid, recorded), ...options.growth ? [growthText(options.growth)] : []],
    async plan(open, engine) {
      const estimates = engine && await estimateRuns(open, { device: engine.device, inputs });
      return planOf(specs, estimates, engine);
    },
    async expect(open, engine) {
      const { device, trainer } = engine;
      // Batches in buckets differ in length, which seconds of a step alone do not tell.
      const estimates = grid.scale.padding === "bucket" ? await estimateRuns(open, { device, inputs }) : undefined;
      const seconds = estimates
        ? new Map(Array.from(estimates.runs, ([spec, { seconds }]) => [spec, seconds]))
        : await estimateSeconds(open, trainer);
      return { seconds, lines: [...await understoodTasks(inputs, open), timeLine(seconds.values(), engine)] };
    },
    run: (session) => runAll(specs, session, options),
  };
}
