import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import type { BestRate } from "../../../lib/experiment/statistics/mod.ts";
import { plural } from "../../../lib/text/plural.ts";
import type { Engine } from "../../runner/engine.ts";
import { writeRunFile, type WriteRunFileOptions } from "../../runner/write_run_file.ts";
import type { Experiment, Results, Session } from "../../runner/run_grid.ts";
import { estimateSeconds, totalOf } from "../glue/estimate.ts";
import { timeLine } from "../glue/plan_text.ts";
import { understoodTasks } from "../understood_tasks.ts";
import { sayBeside } from "../../terminal/say.ts";
import { type Growth, growthText, recordedSeeds } from "../growth.ts";
import { recordedOf } from "../recorded.ts";
import { sizeTable } from "./equal_sizes.ts";
import { byMethod, gather } from "./gather.ts";
import { type AblationPlan, chooseRates, distinctRuns, type StudyRuns } from "./specs.ts";
import { studiesTable } from "./studies_table.ts";
import type { WriteSectionsOptions } from "./write_sections.ts";

/** Options of {@linkcode ablationExperiment}. */
export interface AblationExperimentOptions extends WriteSectionsOptions {
  /** Repeats runs that are recorded. */
  readonly force?: boolean;
  /** Gets all runs as a configuration file. */
  readonly writeSpec?: string;
  /** Where inputs lie, as that file names them. */
  readonly sources: WriteRunFileOptions["inputs"];
  /** The difference that does not matter, as a share; 0.02 by default. */
  readonly margin?: number;
  /** Until when pairs are added; the plan's own number of seeds where it is absent. */
  readonly growth?: Growth;
  /** Whether lines for people go beside a document. */
  readonly json?: boolean;
}

/** Runs sweep and studies, writes what they show, and gives it. */
async function run(plan: AblationPlan, session: Session, options: AblationExperimentOptions): Promise<Results> {
  const { out, writeSpec, sources, margin, growth, json } = options;
  const gathered = await gather(plan, session, { growth, say: sayBeside(json) });
  const { studies } = gathered;
  const evidence = { ...gathered.evidence, margin };
  const { sectionOf } = await import("./section.ts"); // which loads what draws figures
  const sections = studies.map((study) => sectionOf(study, evidence));
  const { answersOf, answerLines } = await import("./questions.ts");
  const answers = await answersOf(sections, { plan, records: [...evidence.records.values()] });
  const asked = answerLines(answers);
  const { writeSections } = await import("./write_sections.ts");
  const files = await writeSections(sections, evidence, { ...options, asked });
  const specs = [...evidence.records.keys()];
  if (writeSpec !== undefined) await writeRunFile(writeSpec, specs, { inputs: sources, out });
  return {
    records: [...evidence.records.values()],
    files,
    parts: [
      ...asked.length > 0 ? [["## What was asked, and what the runs answer", "", ...asked].join("\n")] : [],
      ...sections.flatMap(({ studyRuns: { study }, tables, findings }) => [
        `## ${study.title}\n\n${study.question}`,
        ...tables,
        findings,
      ]),
    ],
    document: {
      rates: evidence.chosen.best,
      pairs: evidence.growth,
      answers,
      studies: sections.map(({ studyRuns: { study: { name, question } }, findings, comparison, pairs }) => (
        { name, question, findings, comparison, pairs }
      )),
    },
  };
}

/** How many seeds of studies run first: those that are recorded count, once the sweep is. */
async function seedsToBegin(
  plan: AblationPlan,
  growth: Growth,
  { rates, out }: { readonly rates?: readonly BestRate[]; readonly out: string },
): Promise<number> {
  return await recordedSeeds(growth, async (seeds) => {
    if (!rates) return undefined;
    const studies = await plan.runs(rates, seeds);
    const records = await recordedOf(distinctRuns(studies), out);
    if (!records) return undefined;
    const { widestOf } = await import("./rows.ts"); // which loads statistics
    return { found: records, width: widestOf(studies, records) };
  });
}

/** How large conditions are where a study makes them equal. */
function sizeTables(planned: readonly StudyRuns[]): string[] {
  return planned.flatMap(({ study: { baseline }, sizes }) => sizes ? ["", sizeTable(sizes, { baseline })] : []);
}

/** A plan of studies as an experiment: what each would run, what was found, and their report. */
export async function ablationExperiment(plan: AblationPlan, options: AblationExperimentOptions): Promise<Experiment> {
  const { inputs } = plan;
  // Rates decide which runs there are: they are the recipes' own until the sweep is recorded.
  const sweeps = await plan.sweeps();
  const swept = distinctRuns([], sweeps);
  const records = options.force ? undefined : await recordedOf(swept, options.out);
  const rates = records && chooseRates(sweeps, { records, tableSeeds: [] }).best;
  const seeds = options.growth && await seedsToBegin(plan, options.growth, { rates, out: options.out });
  const planned = await plan.runs(rates, seeds);
  const rounds = [swept, distinctRuns(planned)];
  const specs = rounds.flat();
  const grows = options.growth ? [growthText(options.growth)] : [];
  const expected = async (open: readonly RunSpec[], engine: Engine) => {
    const seconds = await estimateSeconds(open, engine.trainer);
    return { seconds, lines: [timeLine(seconds.values(), engine)] };
  };
  return {
    inputs,
    specs,
    rounds,
    describe: (recorded) => [
      `runs: ${specs.length} = ${swept.length} to choose learning rates, ${specs.length - swept.length} of ` +
      `${plural(planned.length, "study", "studies")}; ${recorded} of them recorded`,
      ...grows,
    ],
    async plan(open, engine) {
      const { seconds, lines } = engine ? await expected(open, engine) : { seconds: new Map<RunSpec, number>() };
      const isOpen = new Set(open);
      const left = (own: readonly RunSpec[]) => byMethod(seconds)(own.filter((spec) => isOpen.has(spec)));
      return {
        lines,
        document: { experiment: "ablations", specs, open: open.length, seconds: totalOf(seconds.values()) },
        text: ["", studiesTable(planned, { seconds: left }), ...sizeTables(planned)].join("\n"),
      };
    },
    async expect(open, engine) {
      const understood = await understoodTasks(inputs, open);
      const { seconds, lines } = await expected(open, engine);
      return { seconds, lines: [...understood, ...lines] };
    },
    run: (session) => run(plan, session, options),
  };
}
