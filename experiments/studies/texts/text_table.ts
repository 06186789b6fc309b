import { mean, sampleStandardDeviation } from "simple-statistics";
import { METRIC_NAMES, type RunRecord } from "../../../lib/experiment/records/mod.ts";
import { percent } from "../../../lib/experiment/tables/percent.ts";
import { tableMarkdown, type TableRow } from "../../../lib/experiment/tables/table.ts";
import type { TextScores } from "../../runner/data/text_metrics.ts";
import type { Baselines } from "./baselines.ts";

/** Metrics that are no shares of 1. */
const PLAIN = new Set(["nist", "cider", "loss", "perplexity"]);

/** Metrics that stand in a table: of written texts, and how likely given ones are. */
export function textMetrics({ metrics }: TextScores): string[] {
  return [...Object.keys(metrics), "perplexity"];
}

const printed = (metric: string) => (value: number) => PLAIN.has(metric) ? value.toFixed(2) : percent(value);

function cell(metric: string, values: readonly number[]): string {
  if (values.length === 0) return "–";
  const print = printed(metric);
  const center = print(mean([...values]));
  return values.length > 1 ? `${center} ± ${print(sampleStandardDeviation([...values]))}` : center;
}

const nameOf = (metric: string) => METRIC_NAMES[metric] ?? metric;

function scoreRow(method: string, scores: TextScores | undefined, metrics: readonly string[]): TableRow[] {
  if (!scores) return [];
  const cells = metrics.map((metric) => [nameOf(metric), cell(metric, [scores.metrics[metric] ?? []].flat())]);
  return [{ method, ...Object.fromEntries(cells), "trained parameters": "–", "steps/s": "–" }];
}

/**
 * The table methods × metrics in Markdown: means and sample standard deviations over seeds, shares in per cent, and above
 * them what needs no training.
 */
export function textTable(records: readonly RunRecord[], { untuned, template, references }: Baselines): string {
  const metrics = textMetrics(untuned);
  const rows = [...Map.groupBy(records, ({ spec }) => spec.method.name)].map(([method, group]): TableRow => {
    const results = group.flatMap(({ result }) => result ?? []);
    const failed = group.length - results.length;
    const cells = metrics.map((metric) => [
      nameOf(metric),
      cell(metric, results.flatMap(({ metrics }) => metrics[metric] ?? [])),
    ]);
    return {
      method: failed > 0 ? `${method} (${failed} failed)` : method,
      ...Object.fromEntries(cells),
      "trained parameters": results[0]?.trainableParameters.toLocaleString("en") ?? "–",
      "steps/s": results.length > 0 ? mean(results.map(({ stepsPerSecond }) => stepsPerSecond)).toFixed(1) : "–",
    };
  });
  return tableMarkdown([
    ...scoreRow("untuned model", untuned, metrics),
    ...scoreRow("template", template, metrics),
    ...scoreRow("references", references, metrics),
    ...rows,
  ]);
}

/** What the rows of {@linkcode textTable} are, in sentences. */
export function textCaption(records: readonly RunRecord[], { untuned, references }: Baselines): string {
  const [{ spec: { split, decoding } }] = records;
  const seeds = [...new Set(records.map(({ spec }) => spec.seed))];
  const sources = untuned.rows.length;
  const search = decoding!.beams > 1 ? `a search with ${decoding!.beams} beams` : "the most likely tokens";
  const over = seeds.length > 1
    ? `means ± sample standard deviations over seeds ${seeds.join(", ")}`
    : `seed ${seeds[0]}`;
  const human = references
    ? `; "references": of each source that has several the first beside the others (${references.rows.length} sources)`
    : "; each source has one reference, so that references have no row";
  return `Texts about ${sources} sources of the ${split} split, written by ${search}; ${over}, last checkpoint; shares ` +
    `in per cent, NIST, CIDEr and perplexity as they are; perplexity is of a token of given texts${human}.`;
}

/** The first sources with what each row of the table has about them, for people. */
export function textSamples(rows: ReadonlyMap<string, TextScores["rows"]>, count = 2): string {
  const [first] = rows.values();
  return first.slice(0, count).map(({ source, references }, i) =>
    [
      `about: ${source.length > 200 ? `${source.slice(0, 200)} …` : source}`,
      `  reference: ${references[0]}`,
      ...Array.from(rows, ([name, own]) => `  ${name}: ${own[i]?.text ?? "–"}`),
    ].join("\n")
  ).join("\n\n");
}
