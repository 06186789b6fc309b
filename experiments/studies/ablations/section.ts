import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import type { RunRecord, RunResult } from "../../../lib/experiment/records/mod.ts";
import {
  compare,
  type Comparison,
  type ScoredRun,
  scoredRuns,
  settingOf,
} from "../../../lib/experiment/statistics/mod.ts";
import { comparisonTable } from "../../../lib/experiment/tables/mod.ts";
import {
  axisFigure,
  comparisonFigure,
  paretoFigure,
  type ParetoPoint,
  paretoTable,
} from "../../../lib/experiment/figures/mod.ts";
import { tableMarkdown } from "../../../lib/experiment/tables/table.ts";
import { formatPoints } from "../../../lib/experiment/statistics/points.ts";
import { distinct } from "../../../lib/text/distinct.ts";
import {
  boundsOf,
  changeFindings,
  type ChangeRow,
  changeRows,
  changeTable,
  layerTable,
  rankAndScore,
} from "./changes.ts";
import { cosinesFigure } from "./cosines_figure.ts";
import { type Held, heldOf, plainFindings, scopeOf, showsSomething } from "./findings.ts";
import { holdPairs, pairTable } from "./pairs.ts";
import { rowsOf } from "./rows.ts";
import type { ChosenRates, StudyRuns } from "./specs.ts";
import type { Study } from "./studies/mod.ts";
import { sizeTable } from "./equal_sizes.ts";
import { rateFindings, rateTable, rateWarnings, sweptIn } from "./rate_findings.ts";
import { ranksFigure } from "./ranks_figure.ts";
import { growingSeeds, seedsFigure } from "./seeds_figure.ts";
import { taskTable } from "./task_table.ts";

/** What studies are made of once all ran. */
export interface Evidence {
  readonly records: ReadonlyMap<RunSpec, RunRecord>;
  /** Runs that chose learning rates, by what was swept. */
  readonly sweeps: ReadonlyMap<string, readonly RunSpec[]>;
  readonly chosen: ChosenRates;
  /** The difference that does not matter, as a share; 0.02 by default. */
  readonly margin?: number;
  /** How pairs were added, as sentences, where their number was not fixed. */
  readonly growth?: string;
}

/** What a study shows. */
export interface Section {
  readonly studyRuns: StudyRuns;
  readonly comparison: Comparison;
  readonly pairs: readonly Held[];
  /** Tables as Markdown. */
  readonly tables: readonly string[];
  /** One paragraph. */
  readonly findings: string;
  /** As SVG. */
  readonly figure: string;
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);

/** Mean scores of conditions against what they cost. */
function costPoints({ runs }: StudyRuns, { records }: Evidence, { comparison, costOf }: {
  readonly comparison: Comparison;
  /** Of all results of a condition. */
  readonly costOf: (results: readonly RunResult[]) => number;
}): ParetoPoint[] {
  return runs.flatMap(({ condition: { name }, specs }) => {
    const quality = comparison.methods.find(({ method }) => method === name)?.mean;
    const results = specs.flatMap((spec) => records.get(spec)!.result ?? []);
    return quality === undefined ? [] : [{ name, quality, cost: costOf(results) }];
  });
}

const peakBytes = (results: readonly RunResult[]) => Math.max(...results.map(({ peakBytes }) => peakBytes));
/** Of the fastest run: what else ran at the time only makes runs slower. */
const stepMilliseconds = (results: readonly RunResult[]) =>
  1000 / Math.max(...results.map(({ stepsPerSecond }) => stepsPerSecond));

/** What is counted at its peak: memory of all runs of a program, where several were one. */
function ofProgram(what: string, { runs }: StudyRuns, { records }: Evidence): string {
  const results = runs.flatMap(({ specs }) => specs.flatMap((spec) => records.get(spec)!.result ?? []));
  const most = Math.max(1, ...results.map(({ cells = 1 }) => cells));
  return most === 1 ? what : `${what} of a program of up to ${most} runs`;
}

/** What each condition ran with and took. */
function costTable(studyRuns: StudyRuns, evidence: Evidence): string {
  const { records } = evidence;
  const peak = ofProgram("peak MB", studyRuns, evidence);
  return tableMarkdown(studyRuns.runs.map(({ condition, specs }) => {
    const results = specs.flatMap((spec) => records.get(spec)!.result ?? []);
    const [first] = results;
    return {
      method: condition.name,
      "learning rate": distinct(specs.map(({ optimizer }) => optimizer.learningRate)),
      "trained parameters": first?.trainableParameters.toLocaleString("en") ?? "–",
      "writes of W": results.length > 0 ? distinct(results.map(({ writes }) => writes)) : "–",
      [peak]: results.length > 0 ? megabytes(peakBytes(results)) : "–",
    };
  }));
}

/** Directions in which shares of changes are counted: twice the recipes' rank. */
const DIRECTIONS = 16;

/** Which comparisons are one family, where tasks are compared by themselves. */
function familiesOf({ baseline, pairs = [] }: Study): string {
  return `Verdicts of these findings are by task: comparisons with ${baseline} on one task are a family of their own` +
    `${
      pairs.length > 0 ? ", further pairs on it another" : ""
    }, over which Holm's correction is, and nothing corrects ` +
    "over tasks. Verdicts in the tables are of the mean over all tasks, which are other families: they answer whether a " +
    "method is better on these tasks together.";
}

/** What comparisons show on each task by itself. */
function taskFindings(
  rows: readonly ScoredRun[],
  { baseline, level, margin }: Pick<Comparison, "baseline" | "level" | "margin">,
  pairs: Study["pairs"] = [],
): string[] {
  return [...new Set(rows.map(({ task }) => task))].map((task) => {
    const own = rows.filter((row) => row.task === task);
    const held = heldOf(compare(own, { baseline, level, margin }));
    const further = holdPairs(own, { pairs, level, margin });
    return [
      `**On ${task}**:`,
      plainFindings(held, { level, margin, what: `comparisons with ${baseline}` }),
      ...further.length > 0 ? [plainFindings(further, { level, margin, what: "further pairs" })] : [],
    ].join(" ");
  });
}

function figureOf(studyRuns: StudyRuns, evidence: Evidence, { comparison, rows, changes }: {
  readonly comparison: Comparison;
  readonly rows: readonly ScoredRun[];
  readonly changes: readonly ChangeRow[];
}): string {
  const { study, runs } = studyRuns;
  const { records, sweeps } = evidence;
  const { figure, title } = study;
  switch (figure.kind) {
    case "axis": {
      const placed = runs.flatMap(({ condition, specs }) =>
        Object.entries(condition.at ?? {}).flatMap(([line, at]) =>
          scoredRuns(specs.map((spec) => records.get(spec)!), { method: () => line, axes: () => ({ at }) })
        )
      );
      return axisFigure(placed, { axis: "at", label: figure.label, title });
    }
    case "rates": {
      const placed = sweptIn(studyRuns).flatMap((name) =>
        scoredRuns(sweeps.get(name)!.map((spec) => records.get(spec)!), {
          method: () => name,
          axes: ({ optimizer: { learningRate } }) => ({ learningRate }),
        })
      );
      return axisFigure(placed, { axis: "learningRate", label: "learning rate", title });
    }
    case "seeds":
      return seedsFigure(rows, { method: figure.method, baseline: study.baseline });
    case "memory": {
      const points = costPoints(studyRuns, evidence, { comparison, costOf: peakBytes });
      return paretoFigure(points, { unit: ofProgram("peak bytes", studyRuns, evidence), title });
    }
    case "ranks":
      return ranksFigure({ changes, rows }, { title });
    case "cosines":
      return cosinesFigure(changes, { title });
    case "differences":
      return comparisonFigure(comparison, { title });
  }
}

function seedsFindings(
  rows: readonly ScoredRun[],
  { method, baseline }: { method: string; baseline: string },
): string[] {
  const points = growingSeeds(rows, { method, baseline }).filter(({ interval }) => interval !== undefined);
  const [first, last] = [points[0], points[points.length - 1]];
  if (!first || first === last) return [];
  const told = ({ seeds, interval }: typeof first) =>
    `${formatPoints(100 * (interval![1] - interval![0]), { digits: 1 })} points wide with ${seeds} seeds`;
  return [`The interval of ${method} minus ${baseline} is ${told(first)} and ${told(last)}.`];
}

/** Comparisons with the learning rates of both sides, where each has one and they differ. */
function withRates(held: readonly Held[], { runs }: StudyRuns): Held[] {
  const rates = new Map(runs.map(({ condition, specs }) => {
    const own = new Set(specs.map(({ optimizer: { learningRate } }) => learningRate));
    return [condition.name, own.size === 1 ? specs[0].optimizer.learningRate : undefined];
  }));
  return held.map((one) => {
    const [own, against] = [rates.get(one.method), rates.get(one.against)];
    return own === against || own === undefined || against === undefined ? one : { ...one, rates: [own, against] };
  });
}

/** Tables, figure and findings of a study. */
export function sectionOf(studyRuns: StudyRuns, evidence: Evidence): Section {
  const { study, runs } = studyRuns;
  const { baseline, figure } = study;
  const rows = rowsOf(studyRuns, evidence.records);
  const comparison = compare(rows, { baseline, margin: evidence.margin });
  const { level, margin } = comparison;
  const others = withRates(heldOf(comparison), studyRuns);
  const pairs = withRates(holdPairs(rows, { pairs: study.pairs ?? [], level, margin }), studyRuns);
  const changes = changeRows(studyRuns, { ...evidence, directions: DIRECTIONS });
  const failures = comparison.methods.filter(({ failures }) => failures > 0)
    .map(({ method, failures, runs }) => `${method} ${failures} of ${failures + runs}`);
  return {
    studyRuns,
    comparison,
    pairs,
    tables: [
      comparisonTable(comparison, { ...settingOf(runs.flatMap(({ specs }) => specs)), omitsRule: true }),
      ...pairs.length > 0 ? [pairTable(pairs, { level, margin })] : [],
      ...study.showsTasks ? [taskTable(rows)] : [],
      ...studyRuns.sizes ? [sizeTable(studyRuns.sizes, { baseline })] : [],
      ...changes.length > 0 ? [changeTable(changes, { directions: DIRECTIONS, boundOf: boundsOf(studyRuns) })] : [],
      ...figure.kind === "cosines" ? [layerTable(changes)] : [],
      ...figure.kind === "rates" ? [rateTable(studyRuns, evidence)] : [],
      ...figure.kind === "memory"
        ? [
          paretoTable(costPoints(studyRuns, evidence, { comparison, costOf: peakBytes }), {
            unit: ofProgram("peak bytes", studyRuns, evidence),
          }),
          paretoTable(costPoints(studyRuns, evidence, { comparison, costOf: stepMilliseconds }), { unit: "ms a step" }),
        ]
        : [],
      costTable(studyRuns, evidence),
    ],
    findings: [
      scopeOf(comparison),
      // What holds on tasks of several kinds together says nothing.
      ...study.comparesTasks
        ? [familiesOf(study), ...taskFindings(rows, comparison, study.pairs)]
        : [plainFindings(others, { level, margin, what: `comparisons with ${baseline}` })],
      ...pairs.length > 0 && !study.comparesTasks
        ? [plainFindings(pairs, { level, margin, what: "further pairs" })]
        : [],
      ...figure.kind === "rates" ? rateFindings(studyRuns, evidence) : [],
      ...rateWarnings(studyRuns, evidence),
      ...["cosines", "ranks"].includes(figure.kind) ? changeFindings(changes, { baseline }) : [],
      ...figure.kind === "ranks" ? [rankAndScore(changes, rows)] : [],
      ...figure.kind === "seeds" ? seedsFindings(rows, { method: figure.method, baseline }) : [],
      ...showsSomething([...others, ...pairs], { level, margin }) && runs.some(({ isRateBorrowed }) => isRateBorrowed)
        ? [
          "Rates were chosen with the options of the recipes: a condition that would need another one is at a " +
          "disadvantage, which a sweep for each condition takes away.",
        ]
        : [],
      ...failures.length > 0
        ? [`Runs without a score are left out, which may flatter their method: ${failures.join(", ")}.`]
        : [],
    ].join(" "),
    figure: figureOf(studyRuns, evidence, { comparison, rows, changes }),
  };
}
