import { mean } from "simple-statistics";
import type { LayerChange, RunRecord } from "../../../lib/experiment/records/mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { compare, type ScoredRun } from "../../../lib/experiment/statistics/mod.ts";
import { effectiveRank, energyWithin, numericRank } from "../../../lib/experiment/instruments/mod.ts";
import { formatPoints } from "../../../lib/experiment/statistics/points.ts";
import { spearman } from "../../../lib/metrics/mod.ts";
import { tableMarkdown } from "../../../lib/experiment/tables/table.ts";
import type { StudyRuns } from "./specs.ts";

/** What training did to one layer of one run. */
export interface ChangeRow {
  readonly method: string;
  readonly task: string;
  readonly seed: number;
  /** As figures call it: its number and its last name. */
  readonly layer: string;
  /** Of W_0 and W_T. */
  readonly cosine: number;
  /** Angle between them in degrees. */
  readonly angle: number;
  /** Norm of the change as a share of that of W_0. */
  readonly share: number;
  /** Singular values of the change above what rounding of W in f32 leaves. */
  readonly rank: number;
  readonly effectiveRank: number;
  /** Share of the change within as many leading directions as the study asks for. */
  readonly within: number;
}

/** `bert.encoder.layer.0.attention.self.query` is `0 query`. */
function shortName(path: string): string {
  const [, number, last] = /\.(\d+)\.(?:.*\.)?([^.]+)$/.exec(path) ?? [];
  return number === undefined ? path : `${number} ${last}`;
}

function rowOf({ values, shape, cosine, norm, size }: LayerChange, directions: number) {
  const sizes = Float64Array.from(values);
  return {
    cosine,
    angle: Math.acos(cosine) * 180 / Math.PI,
    share: Math.hypot(...values) / norm,
    rank: numericRank({ values: sizes, shape }, { epsilon: 2 ** -23, size }),
    effectiveRank: effectiveRank(values),
    within: energyWithin(values, directions),
  };
}

/** Changes of a study's runs, layer by layer. */
export function changeRows(
  { runs }: StudyRuns,
  { records, directions }: { readonly records: ReadonlyMap<RunSpec, RunRecord>; readonly directions: number },
): ChangeRow[] {
  return runs.flatMap(({ condition: { name: method }, specs }) =>
    specs.flatMap((spec) =>
      Object.entries(records.get(spec)!.result?.changes ?? {}).map(([path, change]) => ({
        method,
        task: spec.task,
        seed: spec.seed,
        layer: shortName(path),
        ...rowOf(change, directions),
      }))
    )
  );
}

function rangeOf(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? String(least) : `${least} … ${most}`;
}

/** What training did to the measured layers, a row a condition: means over tasks, seeds and layers. */
export function changeTable(rows: readonly ChangeRow[], { directions, boundOf }: {
  readonly directions: number;
  /** What a condition's change can have at most, where that is known. */
  readonly boundOf?: (method: string) => number | undefined;
}): string {
  const groups = Map.groupBy(rows, ({ method }) => method);
  const lines = Array.from(groups, ([method, own]) => {
    const meanOf = (name: "cosine" | "angle" | "share" | "effectiveRank" | "within") =>
      mean(own.map((row) => row[name]));
    return {
      method,
      "cosine of W₀ and W_T": meanOf("cosine").toFixed(4),
      "angle, degrees": meanOf("angle").toFixed(1),
      "change, % of W₀": (100 * meanOf("share")).toFixed(1),
      ...boundOf && { "rank at most": String(boundOf(method) ?? "–") },
      "rank, measured": rangeOf(own.map(({ rank }) => rank)),
      "effective rank": meanOf("effectiveRank").toFixed(1),
      [`% within ${directions} directions`]: (100 * meanOf("within")).toFixed(1),
    };
  });
  const layers = [...new Set(rows.map(({ layer }) => layer))];
  return [
    tableMarkdown(lines),
    "",
    `- Of W_T − W₀ in layers ${
      layers.join(", ")
    }, all that a method adds merged into W_T: means over tasks, seeds and layers. ` +
    "Norms are Frobenius'; the measured rank counts singular values above what rounding in f32 leaves; the effective rank is " +
    "e to the entropy of their shares (Roy and Vetterli 2007); the last column is of the squares.",
  ].join("\n");
}

/** Cosines by layer, a row a condition: means over tasks and seeds. */
export function layerTable(rows: readonly ChangeRow[]): string {
  const groups = Map.groupBy(rows, ({ method }) => method);
  return tableMarkdown(Array.from(groups, ([method, own]) => {
    const byLayer = Array.from(
      Map.groupBy(own, ({ layer }) => layer),
      ([layer, some]) => [layer, mean(some.map(({ cosine }) => cosine)).toFixed(4)] as const,
    );
    return { "cosine of W₀ and W_T": method, ...Object.fromEntries(byLayer) };
  }));
}

/** Runs with the logarithm of a size of theirs, a mean over layers, as their score: differences are ratios. */
function logRuns(rows: readonly ChangeRow[], sizeOf: (row: ChangeRow) => number): ScoredRun[] {
  const runs = Map.groupBy(rows, ({ method, task, seed }) => JSON.stringify([method, task, seed]));
  return Array.from(runs.values(), (own) => {
    const [{ method, task, seed }] = own;
    const size = mean(own.map(sizeOf));
    return { method, task, seed, score: size > 0 ? Math.log(size) : undefined };
  });
}

const times = (log: number) => Math.exp(log).toPrecision(3);

/**
 * What of a size of the change differs from the baseline's, in one sentence: geometric means of ratios of runs of the same task and
 * seed, largest first, with intervals.
 */
function ratioFindings(rows: readonly ChangeRow[], { baseline, sizeOf, what }: {
  readonly baseline: string;
  readonly sizeOf: (row: ChangeRow) => number;
  /** As the sentence begins: `Angle by which queries and values turned`. */
  readonly what: string;
}): string {
  const runs = logRuns(rows, sizeOf);
  if (!runs.some(({ method, score }) => method === baseline && score !== undefined)) return "";
  const { methods } = compare(runs, { baseline, findsPower: false });
  const told = methods.flatMap(({ method, difference }) => difference ? [{ method, ...difference }] : [])
    .toSorted((a, b) => b.mean - a.mean)
    .map(({ method, mean, interval }) =>
      `${times(mean)} (${interval ? interval.map(times).join(" … ") : "no interval"}) with ${method}`
    );
  return told.length === 0 ? "" : `${what}, as a multiple of ${baseline}'s, with its interval: ${told.join(", ")}.`;
}

/** Whether conditions of a higher effective rank score higher, task by task, in words: by the order of their means. */
export function rankAndScore(rows: readonly ChangeRow[], scored: readonly ScoredRun[]): string {
  const methods = [...new Set(rows.map(({ method }) => method))];
  const meanOf = (values: readonly number[]) => values.length > 0 ? mean([...values]) : NaN;
  const told = [...new Set(scored.map(({ task }) => task))].flatMap((task) => {
    const pairs = methods.map((method) => {
      const isOwn = (one: { readonly method: string; readonly task: string }) =>
        one.method === method && one.task === task;
      const ranks = rows.filter(isOwn).map(({ effectiveRank }) => effectiveRank);
      const scores = scored.filter(isOwn).flatMap(({ score }) => score ?? []);
      return [meanOf(ranks), meanOf(scores)] as const;
    }).filter((pair) => pair.every(Number.isFinite));
    if (pairs.length < 3) return [];
    const order = spearman(pairs.map(([rank]) => rank), pairs.map(([, score]) => score));
    return Number.isFinite(order) ? [`${formatPoints(order, { digits: 2, isSigned: true })} on ${task}`] : [];
  });
  return told.length === 0
    ? ""
    : `Rank correlation (Spearman) over conditions of the mean effective rank with the mean score: ${told.join(", ")}.`;
}

/** The most directions that a condition's change can have, by its name; none where no condition says it. */
export function boundsOf({ runs }: StudyRuns): ((method: string) => number | undefined) | undefined {
  const bounds = new Map(
    runs.flatMap(({ condition: { name, bound }, specs }) =>
      bound ? [[name, Math.max(...specs.map((spec) => Math.min(spec.model.hiddenSize, bound(spec))))] as const] : []
    ),
  );
  return bounds.size === 0 ? undefined : (method) => bounds.get(method);
}

/** What the change of the measured layers adds to findings. */
export function changeFindings(changes: readonly ChangeRow[], { baseline }: { readonly baseline: string }): string[] {
  const sizes = [
    ["Angle by which queries and values turned", ({ angle }: ChangeRow) => angle],
    ["Effective rank of their change", ({ effectiveRank }: ChangeRow) => effectiveRank],
  ] as const;
  return sizes.map(([what, sizeOf]) => ratioFindings(changes, { baseline, sizeOf, what })).filter((text) =>
    text !== ""
  );
}
