import { mostAtOnce, type RunRecord } from "../../../lib/experiment/records/mod.ts";
import { LEVEL, MARGIN, ruleText, spreadsOf } from "../../../lib/experiment/statistics/mod.ts";
import { distinct } from "../../../lib/text/distinct.ts";
import { duration } from "../../../lib/text/duration.ts";
import { runTitle } from "../../terminal/narrator.ts";
import { totalOf } from "../glue/estimate.ts";
import { spreadTable } from "../../../lib/experiment/tables/mod.ts";
import { comparedRows } from "./rows.ts";
import type { Evidence, Section } from "./section.ts";
import { SWEEP_FACTORS } from "./sizes.ts";
import type { Study } from "./studies/mod.ts";

/** Options of {@linkcode ablationReport}. */
export interface AblationReportOptions {
  /** The command that makes it. */
  readonly command: string;
  /** Questions with their answers, as lines of a list; none by default. */
  readonly asked?: readonly string[];
  /** What can be compared with the papers, and what cannot. */
  readonly comparable: string;
  /** Where a study's figure lies, as the report names it. */
  readonly figureOf: (study: string) => string;
}

function treeOf(records: readonly RunRecord[]): string {
  const modified = records.filter(({ isModified }) => isModified).length;
  if (records.some(({ isModified }) => isModified === undefined)) return "not known, outside of a repository";
  return modified === 0 ? "as committed" : `modified in ${modified} of ${records.length} runs`;
}

/** Over what rates were chosen, and by how many runs: names of what is swept say where it is one task. */
function chosenBy(studies: readonly Study[]): string {
  const [isByTask, isOverAll] = [true, false].map((wanted) =>
    studies.some(({ sweepsTasks = false }) => sweepsTasks === wanted)
  );
  if (!isByTask) return "by the mean over tasks, with as many runs for each";
  const alone = "on each task by itself";
  return `${
    isOverAll ? `by the mean over tasks, or ${alone} where it is named` : alone
  }, with as many runs for each there`;
}

function modelName({ spec: { model } }: RunRecord): string {
  return `${model.name}, ${model.layers} layers of ${model.hiddenSize}, weights ${model.hash.slice(0, 12)}`;
}

function dataName({ spec: { data } }: RunRecord): string {
  return data.source === "suite" ? "the generated suite" : "GLUE's files";
}

/** What holds for all studies. */
function head(
  records: readonly RunRecord[],
  { studies, sweeps, growth, margin = MARGIN }: Evidence & { readonly studies: readonly Study[] },
): string[] {
  const results = records.flatMap(({ result }) => result ?? []);
  const metrics = new Map(records.map(({ spec: { task, metric } }) => [task, metric]));
  const swept = [...sweeps.values()].flat();
  const tables = records.filter(({ spec }) => !swept.some(({ seed }) => seed === spec.seed));
  const seeds = (own: readonly { readonly seed: number }[]) =>
    distinct(own.map(({ seed }) => seed).toSorted((a, b) => a - b));
  const seconds = totalOf(results.map(({ wallSeconds, cells = 1 }) => wallSeconds / cells));
  const atOnce = mostAtOnce(records);
  const lines = [
    `Metric: ${Array.from(metrics, ([task, metric]) => `${task} ${metric}`).join(", ")}; larger is better.`,
    `Split: ${distinct(records.map(({ spec }) => spec.split))}. Checkpoint: ${
      distinct(records.map(({ spec }) => spec.checkpoint))
    }, of ` +
    `${distinct(records.map(({ spec }) => spec.steps))} steps of ${
      distinct(records.map(({ spec }) => spec.batchSize))
    } examples.`,
    `Seeds: ${
      seeds(tables.map(({ spec }) => spec))
    }; every condition of a study on the same ones, which are a pair on a task.`,
    `Learning rates: chosen on seeds ${seeds(swept)}, of ${SWEEP_FACTORS.join(", ")} times the recipe's, ${
      chosenBy(studies)
    }: ${[...sweeps.keys()].join("; ")}. Conditions with other options than were swept have ` +
    "the rate of their method.",
    ruleText({ level: LEVEL, margin }),
    ...growth === undefined ? [] : [growth],
    `Model: ${distinct(records.map(modelName))}; data: ${distinct(records.map(dataName))}.`,
    `Device: ${distinct(results.map(({ device }) => device))}. Versions: ${
      distinct(results.map(({ versions }) => versions))
    }. ` +
    `Working tree: ${treeOf(records)}.`,
    `${records.length} runs, ${records.length - results.length} of them failed; ${
      duration(seconds)
    } of training and scoring${atOnce > 1 ? `, up to ${atOnce} runs at once` : ""}.`,
  ];
  return lines.map((line) => `- ${line}`);
}

function sectionLines({ studyRuns: { study }, tables, findings }: Section, figure: string): string[] {
  return [
    `## ${study.title}`,
    "",
    study.question,
    ...study.notes?.flatMap((note) => ["", note]) ?? [],
    "",
    `**Findings.** ${findings}`,
    "",
    `![${study.title}](${figure})`,
    ...tables.flatMap((table) => ["", table]),
    "",
  ];
}

const SPREAD =
  "Over all comparisons with a study's baseline: how far differences spread over seeds, and how many pairs " +
  "would show equivalence at that spread.";

/** The report as Markdown: what holds for all, then a section a study. */
export function ablationReport(
  sections: readonly Section[],
  evidence: Evidence,
  { command, comparable, figureOf, asked = [] }: AblationReportOptions,
): string {
  const records = [...evidence.records.values()];
  const failed = records.filter(({ status }) => status === "failed");
  const studies = sections.map(({ studyRuns }) => studyRuns);
  const { margin = MARGIN } = evidence;
  const spread = spreadTable(spreadsOf(comparedRows(studies, evidence.records), { margin }), { margin });
  return [
    "# Ablations",
    "",
    `Made by \`${command}\`.`,
    "",
    ...head(records, { ...evidence, studies: studies.map(({ study }) => study) }),
    "",
    comparable,
    "",
    ...asked.length > 0 ? ["## What was asked, and what the runs answer", "", ...asked, ""] : [],
    ...spread === undefined ? [] : ["## What keeps differences from spreading", "", SPREAD, "", spread, ""],
    ...sections.flatMap((section) => sectionLines(section, figureOf(section.studyRuns.study.name))),
    ...failed.length > 0
      ? [
        "## Failed runs",
        "",
        ...failed.map(({ spec, error }) => `- ${runTitle(spec)}: ${error}`),
        "",
      ]
      : [],
  ].join("\n");
}
