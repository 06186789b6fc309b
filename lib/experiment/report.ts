import { markdownTable } from "markdown-table";
import type { RunRecord } from "./record.ts";
import { type Cell, summarize } from "./summarize.ts";

/** Names as tables print them. */
export const METRIC_NAMES: Readonly<Record<string, string>> = {
  matthewsCorrelation: "Matthews",
  accuracy: "accuracy",
  f1: "F1",
  pearson: "Pearson",
  spearman: "Spearman",
};

function ordered(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function percent(value: number): string {
  return (100 * value).toFixed(1);
}

function print(cell: Cell | undefined): string {
  if (!cell || cell.mean === undefined) return cell && cell.failures > 0 ? "failed" : "–";
  const spread = cell.deviation === undefined ? "" : ` ± ${percent(cell.deviation)}`;
  return `${percent(cell.mean)}${spread}${cell.failures > 0 ? ` (${cell.failures} failed)` : ""}`;
}

/** The table methods × tasks: mean ± sample standard deviation over seeds, in per cent. */
export function scoreTable(records: readonly RunRecord[]): string {
  const cells = summarize(records);
  const tasks = ordered(cells.map(({ task }) => task));
  const metrics = new Map(records.map(({ spec }) => [spec.task, METRIC_NAMES[spec.metric] ?? spec.metric]));
  const rows = ordered(cells.map(({ method }) => method)).map((method) => {
    const own = tasks.map((task) => cells.find((cell) => cell.task === task && cell.method === method));
    const means = own.map((cell) => cell?.mean).filter((mean) => mean !== undefined);
    const average = means.length === tasks.length ? percent(means.reduce((a, b) => a + b, 0) / means.length) : "–";
    const trained = records.find(({ spec, result }) => spec.method.name === method && result)?.result;
    const size = trained ? trained.trainableParameters.toLocaleString("en") : "–";
    const seconds = records.filter(({ spec }) => spec.method.name === method).map(({ result }) =>
      result?.stepsPerSecond
    )
      .filter((rate) => rate !== undefined);
    const rate = seconds.length > 0 ? (seconds.reduce((a, b) => a + b, 0) / seconds.length).toFixed(1) : "–";
    return [method, ...own.map(print), average, size, rate];
  });
  const head = ["method", ...tasks.map((task) => `${task} (${metrics.get(task)})`), "average", "trained", "steps/s"];
  return markdownTable([head, ...rows], { align: ["l", ...head.slice(1).map(() => "r")] });
}

/** Figures of papers beside ours. */
export interface PaperTable {
  readonly method: string;
  readonly source: string;
  readonly figures: Readonly<Record<string, readonly [figure: string, mark: string]>>;
}

/** The papers' rows for the given tasks; what was not confirmed is marked. */
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
  readonly title: string;
  /** The command that makes it. */
  readonly command: string;
  readonly comparable: string;
}

/** The report as Markdown. */
export function report(records: readonly RunRecord[], paper: readonly PaperTable[], text: ReportText): string {
  const tasks = ordered(records.map(({ spec }) => spec.task));
  const [first] = records;
  const results = records.flatMap(({ result }) => result ?? []);
  const failed = records.filter(({ status }) => status === "failed");
  const { model, data, split, checkpoint, steps, batchSize } = first.spec;
  const seeds = ordered(records.map(({ spec }) => String(spec.seed)));
  const writes = records.filter(({ spec, result }) => result && spec.method.name.startsWith("delta"))
    .map(({ spec, result }) => `${spec.task} ${result!.writes}`);
  const lines = [
    `# ${text.title}`,
    "",
    `Made by \`${text.command}\`.`,
    "",
    scoreTable(records),
    "",
    `Mean ± sample standard deviation over seeds ${
      seeds.join(", ")
    }, in per cent; ${split} split; ${checkpoint} checkpoint of ` +
    `${steps} steps of ${batchSize} examples; every method from the same encoder (${model.name}, ${model.layers} layers of ` +
    `${model.hiddenSize}, weights ${model.hash.slice(0, 12)}); data: ${
      data.source === "suite" ? "the generated suite" : "GLUE's files"
    }. ` +
    `Each method ran at one learning rate and was not tuned for each task.`,
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
    `Adapter: ${ordered(results.map(({ adapter }) => adapter)).join("; ")}. Versions: ${
      ordered(results.map(({ versions }) => versions)).join("; ")
    }.`,
    ...writes.length > 0 ? ["", `Writes to W by Delta-LoRA: ${ordered(writes).join(", ")}.`] : [],
    ...failed.length > 0
      ? [
        "",
        "Failed:",
        ...failed.map(({ spec, error }) => `- ${spec.task} ${spec.method.name} seed ${spec.seed}: ${error}`),
      ]
      : [],
    "",
    "![Scores and losses](report.svg)",
    "",
  ];
  return lines.join("\n");
}
