import { markdownTable } from "markdown-table";
import { mean } from "simple-statistics";
import { METRIC_NAMES } from "../records/metric_names.ts";
import type { RunRecord } from "../records/record.ts";
import { LATE_STATES, type RunSpec } from "../specs/run_spec.ts";
import { percent } from "./percent.ts";
import { settingsLines } from "./settings_lines.ts";
import { type Cell, summarize } from "../statistics/summarize.ts";
import { plural } from "../../text/plural.ts";

function ordered(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function print(cell: Cell | undefined): string {
  if (!cell || cell.mean === undefined) return cell && cell.failures > 0 ? "failed" : "–";
  const spread = cell.deviation === undefined ? "" : ` ± ${percent(cell.deviation)}`;
  return `${percent(cell.mean)}${spread}${cell.failures > 0 ? ` (${cell.failures} failed)` : ""}`;
}

function meanOf(values: readonly number[]): number | undefined {
  return values.length > 0 ? mean([...values]) : undefined;
}

/** MNLI's accuracy on mismatched examples as scores of a task of their own, where they are there. */
function mismatched(records: readonly RunRecord[]): RunRecord[] {
  return records.flatMap((record): RunRecord[] => {
    const { spec, result } = record;
    if (result?.metrics.mismatchedAccuracy === undefined) return [];
    return [{ ...record, spec: { ...spec, task: `${spec.task}-mm`, metric: "mismatchedAccuracy" } }];
  });
}

/**
 * The table methods × tasks in Markdown: mean ± sample standard deviation over seeds, in per cent; the mean over tasks
 * where there are several and every one has a score; the count of trained parameters, which is that of the first task;
 * steps per second. MNLI's mismatched examples have a column of their own, which is not in the mean.
 *
 * @example
 * ```ts
 * import { readRecord, scoreTable } from "@delta-dawn/delta-lora/experiment";
 *
 * const tableOf = async (paths: readonly string[]) => scoreTable(await Promise.all(paths.map(readRecord)));
 * ```
 */
export function scoreTable(records: readonly RunRecord[]): string {
  const cells = summarize(records);
  const tasks = ordered(cells.map(({ task }) => task));
  const others = mismatched(records);
  const columns = tasks.flatMap((task) =>
    others.some(({ spec }) => spec.task === `${task}-mm`) ? [task, `${task}-mm`] : [task]
  );
  const all = [...records, ...others];
  const metrics = new Map(all.map(({ spec }) => [spec.task, METRIC_NAMES[spec.metric] ?? spec.metric]));
  const found = [...cells, ...summarize(others)];
  const rows = ordered(cells.map(({ method }) => method)).map((method) => {
    const cellOf = (task: string) => found.find((cell) => cell.task === task && cell.method === method);
    const own = columns.map(cellOf);
    const means = tasks.flatMap((task) => cellOf(task)?.mean ?? []);
    const average = means.length === tasks.length ? percent(meanOf(means)!) : "–";
    const results = records.filter(({ spec }) => spec.method.name === method).flatMap(({ result }) => result ?? []);
    const size = results[0]?.trainableParameters.toLocaleString("en") ?? "–";
    const rate = meanOf(results.map(({ stepsPerSecond }) => stepsPerSecond))?.toFixed(1) ?? "–";
    return [method, ...own.map(print), ...tasks.length > 1 ? [average] : [], size, rate];
  });
  const scores = columns.map((task) => `${task} (${metrics.get(task)})`);
  const head = ["method", ...scores, ...tasks.length > 1 ? ["average"] : [], "trained parameters", "steps/s"];
  return markdownTable([head, ...rows], { align: ["l", ...head.slice(1).map(() => "r")] });
}

/** Which state is scored, in words. */
const CHECKPOINTS: Readonly<Record<RunSpec["checkpoint"], string>> = {
  last: "last checkpoint",
  best: "best checkpoint on that split, which flatters it",
  late: `mean over the last ${LATE_STATES} of the states at each tenth of a run`,
};

/**
 * What the numbers of {@linkcode scoreTable} are, in one sentence without its full stop: seeds, split and which state
 * is scored. There must be a record.
 *
 * @example
 * ```ts
 * import { type RunRecord, scoreCaption, scoreTable } from "@delta-dawn/delta-lora/experiment";
 *
 * const section = (records: readonly RunRecord[]) => `${scoreTable(records)}\n\n${scoreCaption(records)}.\n`;
 * ```
 */
export function scoreCaption(records: readonly RunRecord[]): string {
  const seeds = ordered(records.map(({ spec }) => String(spec.seed)));
  const { split } = records[0].spec;
  const rules = ordered(records.map(({ spec: { checkpoint } }) => CHECKPOINTS[checkpoint]));
  const what = seeds.length > 1
    ? `Mean ± sample standard deviation over seeds ${seeds.join(", ")}`
    : `One run each, seed ${seeds[0]}`;
  return `${what}, in per cent; ${split} split; ${rules.join(" or ")}`;
}

/** When a run's method writes W, in words: by its K and λ, or at its restarts; nothing where it does not. */
function writeRule({ spec: { method, steps }, result }: RunRecord): string | undefined {
  const { startStep, lambda, lambdaSchedule, interval } = method;
  if (startStep !== undefined) {
    const schedule = lambdaSchedule === undefined ? "" : ` (${lambdaSchedule})`;
    return `K = ${startStep} of ${steps} steps, λ = ${lambda}${schedule}`;
  }
  // Intervals of other methods are not those after which W is written.
  return interval === undefined || !result?.writes ? undefined : `restarts every ${interval} of ${steps} steps`;
}

/**
 * For each method that writes W, a sentence without its full stop: its K and λ, or how many steps lie between restarts, and
 * how often it wrote, by task where that differs.
 *
 * @example
 * ```ts
 * import { type RunRecord, writeLines } from "@delta-dawn/delta-lora/experiment";
 *
 * const listOf = (records: readonly RunRecord[]) => writeLines(records).map((line) => `- ${line}.`).join("\n");
 * ```
 */
export function writeLines(records: readonly RunRecord[]): string[] {
  const tasksOf = new Map<string, Map<string, string[]>>();
  for (const record of records) {
    const { spec: { method, steps, task }, result } = record;
    const rule = writeRule(record);
    if (!result || rule === undefined) continue;
    const how = `${method.name}: ${rule}`;
    const count = result.writes === 0
      ? `W was never written${Number(method.startStep) + 1 < steps ? "" : ": there was no step after K"}`
      : `W was written ${plural(result.writes, "time")} in each run`;
    const counts = tasksOf.get(how) ?? new Map<string, string[]>();
    tasksOf.set(how, counts.set(count, [...counts.get(count) ?? [], task]));
  }
  return [...tasksOf].flatMap(([how, counts]) =>
    [...counts].map(([count, tasks]) => `${how}; ${count}${counts.size > 1 ? ` (${ordered(tasks).join(", ")})` : ""}`)
  );
}

/** A row of figures of a paper, to stand beside ours. */
export interface PaperTable {
  /** The method's name. */
  readonly method: string;
  /** What the paper is called in the table. */
  readonly source: string;
  /** Figures by task, as the paper prints them, with how they are known: `published` or `recalled`. */
  readonly figures: Readonly<Record<string, readonly [figure: string, mark: string]>>;
}

/**
 * The papers' rows for the given tasks as a Markdown table; what was not confirmed is marked by `?`.
 *
 * @example
 * ```ts
 * import { paperTable } from "@delta-dawn/delta-lora/experiment";
 *
 * const figures = { cola: ["63.4", "recalled"] } as const;
 * const table = paperTable([{ method: "lora", source: "Hu et al.", figures }], ["cola"]);
 * console.log(table.split("\n")[2]); // | lora | Hu et al. | 63.4 ? |
 * ```
 */
export function paperTable(rows: readonly PaperTable[], tasks: readonly string[]): string {
  const body = rows.map(({ method, source, figures }) => [
    method,
    source,
    ...tasks.map((task) => {
      const [figure, mark] = figures[task] ?? ["–", "published"];
      return mark === "recalled" ? `${figure} ?` : figure;
    }),
  ]);
  return markdownTable([["method", "from", ...tasks], ...body], { align: ["l", "l", ...tasks.map(() => "r")] });
}

/** What a report says beside its tables. */
export interface ReportText {
  /** The heading above it. */
  readonly title: string;
  /** The command that makes it. */
  readonly command: string;
  /** What can be compared with the papers' figures, and what cannot. */
  readonly comparable: string;
  /** What the runs show, as paragraphs: {@linkcode findings} and the table that they are of, say. None by default. */
  readonly verdicts?: readonly string[];
}

/**
 * The report on runs in Markdown: scores with what they are, the papers' figures, how it ran and what failed. It names
 * the figure `report.svg` beside it, which {@linkcode reportFigure} draws.
 *
 * @example
 * ```ts
 * import { report, type RunRecord } from "@delta-dawn/delta-lora/experiment";
 *
 * async function write(records: readonly RunRecord[]) {
 *   const text = { title: "GLUE", command: "deno task reproduce glue", comparable: "The tasks are small ones." };
 *   await Deno.writeTextFile("report.md", report(records, [], text));
 * }
 * ```
 */
export function report(records: readonly RunRecord[], paper: readonly PaperTable[], text: ReportText): string {
  const tasks = ordered(records.map(({ spec }) => spec.task));
  const results = records.flatMap(({ result }) => result ?? []);
  const failed = records.filter(({ status }) => status === "failed");
  const writes = writeLines(records);
  const lines = [
    `# ${text.title}`,
    "",
    `Made by \`${text.command}\`.`,
    "",
    scoreTable(records),
    "",
    `${scoreCaption(records)}. ${settingsLines(records).join(" ")}`,
    ...writes.flatMap((line) => ["", `${line}.`]),
    ...text.verdicts ? ["", "## Verdicts", ...text.verdicts.flatMap((part) => ["", part])] : [],
    "",
    "## The papers' figures",
    "",
    paperTable(paper, tasks),
    "",
    "`?`: as recalled; check with the paper. Others: as published.",
    "",
    text.comparable,
    "",
    "## How it ran",
    "",
    results.length > 0
      ? `Device: ${ordered(results.map(({ device }) => device)).join("; ")}. ` +
        `Versions: ${ordered(results.map(({ versions }) => versions)).join("; ")}.`
      : "No run finished.",
    ...failed.length > 0
      ? [
        "",
        "Failed:",
        "",
        ...failed.map(({ spec, error }) => `- ${spec.task} ${spec.method.name} seed ${spec.seed}: ${error}`),
      ]
      : [],
    "",
    "![Scores and losses](report.svg)",
    "",
  ];
  return lines.join("\n");
}
