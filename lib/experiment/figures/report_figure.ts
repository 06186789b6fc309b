import * as Plot from "@observablehq/plot";
import { COLOURS, LETTER, stackSvg } from "./figure.ts";
import { lanesOf } from "./lanes.ts";
import { METRIC_NAMES } from "../records/metric_names.ts";
import { type RunRecord, scoreOf } from "../records/record.ts";
import { summarize } from "../statistics/summarize.ts";

const WIDTH = 760;
const MARGIN_RIGHT = 20;
/** Share of a facet that stays free beside it, so that the ticks' labels of neighbours keep apart. */
const FACET_PADDING = 0.2;
/** Of a dot, and the room that it needs with its outline. */
const RADIUS = 3;
const DOT = 2 * RADIUS + 2;
/** Between the frame and the outermost dots. */
const INSET = 10;
/** Lines of methods that share a colour. */
const DASHES = ["none", "6 3", "2 3"];
/** Titles of axes stand beside them: above them are the names of tasks. */
const BESIDE = { labelAnchor: "center", labelArrow: "none" } as const;

/** Where the facets of tasks lie: how many beside each other, and in what margins. */
interface Layout {
  readonly columns: number;
  readonly marginLeft: number;
  /** Pixels from a facet to the next one, and the part of them in which it draws. */
  readonly step: number;
  readonly facet: number;
}

/** As many tasks beside each other as their names have room for. */
function layoutOf(titles: readonly string[], methods: readonly string[]): Layout {
  const widest = (names: readonly string[]) => LETTER * Math.max(0, ...names.map(({ length }) => length));
  const marginLeft = Math.max(64, 16 + widest(methods));
  const room = WIDTH - marginLeft - MARGIN_RIGHT;
  const columns = Math.max(1, Math.min(titles.length, 4, Math.floor(room / Math.max(150, widest(titles) + 12))));
  const step = room / (columns - FACET_PADDING);
  return { columns, marginLeft, step, facet: step * (1 - FACET_PADDING) };
}

/** Parts of a list, each of so many. */
function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
}

/** The range of values, at least so wide that ticks have short labels. */
function rangeOf(values: readonly number[], least: number): [number, number] {
  if (values.length === 0) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const missing = Math.max(0, least - (high - low)) / 2;
  return [low - missing, high + missing];
}

/** Two or three round numbers in a range: a facet has no room for the labels of more. */
function roundTicks([low, high]: readonly [number, number]): number[] {
  const power = 10 ** Math.floor(Math.log10((high - low) / 4));
  const ticksBy = (step: number) => {
    const first = Math.ceil(low / step);
    const count = Math.floor(high / step) - first + 1;
    return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  };
  return [1, 2, 2.5, 5, 10, 20].map((factor) => ticksBy(factor * power)).find(({ length }) => length <= 3)!;
}

/** What all facets of a row share, whatever they show. */
function facets({ step, marginLeft }: Layout, titles: readonly string[]): Plot.PlotOptions {
  return {
    width: marginLeft + step * (titles.length - FACET_PADDING) + MARGIN_RIGHT,
    marginLeft,
    marginRight: MARGIN_RIGHT,
    marginTop: 30,
    fx: { label: null, domain: [...titles], paddingInner: FACET_PADDING, paddingOuter: 0 },
  };
}

/** Scores of some tasks: a row for each method, with each seed as a dot and the mean as a bar across. */
function scores(
  records: readonly RunRecord[],
  { methods, titles, layout }: {
    readonly methods: readonly string[];
    readonly titles: ReadonlyMap<string, string>;
    readonly layout: Layout;
  },
): Plot.PlotOptions {
  const scored = records.flatMap((record) => {
    const score = scoreOf(record);
    return score === undefined ? [] : [{ ...record.spec, method: record.spec.method.name, score: 100 * score }];
  });
  const x = rangeOf(scored.map(({ score }) => score), 2);
  const pixels = (score: number) => INSET + (layout.facet - 2 * INSET) * (score - x[0]) / (x[1] - x[0]);
  const groups = [...Map.groupBy(scored, ({ task, method }) => `${task}\n${method}`).values()];
  const placed = groups.map((own) => ({ own, ...lanesOf(own.map(({ score }) => pixels(score)), DOT) }));
  const row = Math.max(18, DOT * Math.max(1, ...placed.map(({ count }) => count)) + 4);
  const rowOf = (method: string) => methods.indexOf(method);
  const dots = placed.flatMap(({ own, lanes, count }) =>
    own.map(({ task, method, score }, i) => ({
      task: titles.get(task),
      method,
      score,
      y: rowOf(method) + (lanes[i] - (count - 1) / 2) * DOT / row,
    }))
  );
  const means = summarize(records).flatMap(({ task, method, mean }) =>
    mean === undefined ? [] : [{ task: titles.get(task), method, score: 100 * mean, y: rowOf(method) }]
  );
  return {
    ...facets(layout, [...titles.values()]),
    height: 30 + row * methods.length + 44,
    marginBottom: 44,
    color: { domain: [...methods], range: COLOURS },
    x: {
      label: "score, per cent",
      domain: x,
      inset: INSET,
      ticks: roundTicks(x),
      tickFormat: "~f",
      grid: true,
      ...BESIDE,
    },
    y: {
      label: null,
      domain: [-0.5, methods.length - 0.5],
      reverse: true,
      ticks: methods.map((_, i) => i),
      tickFormat: (i: number) => methods[i],
    },
    marks: [
      Plot.ruleX(means, {
        fx: "task",
        x: "score",
        y1: (d) => d.y - 0.4,
        y2: (d) => d.y + 0.4,
        stroke: "method",
        strokeWidth: 2,
      }),
      Plot.dot(dots, { fx: "task", x: "score", y: "y", stroke: "method", fill: "white", r: RADIUS }),
    ],
  };
}

/** A running mean, so that a curve can be read. */
function smooth(values: readonly number[], width: number): number[] {
  return values.map((_, i) => {
    const part = values.slice(Math.max(0, i - width + 1), i + 1);
    return part.reduce((a, b) => a + b, 0) / part.length;
  });
}

/** Running means of the training losses of the first seed, of some tasks. */
function losses(
  records: readonly RunRecord[],
  { methods, tasks, layout }: {
    readonly methods: readonly string[];
    readonly tasks: readonly string[];
    readonly layout: Layout;
  },
): Plot.PlotOptions {
  const firstSeed = Math.min(...records.map(({ spec }) => spec.seed));
  const points = records.filter(({ spec }) => spec.seed === firstSeed).flatMap(({ spec, result }) => {
    const curve = result?.curve ?? [];
    const smoothed = smooth(curve.map(({ loss }) => loss), Math.max(1, Math.round(curve.length / 12)));
    return curve.map(({ step }, i) => ({ task: spec.task, method: spec.method.name, step, loss: smoothed[i] }));
  }).filter(({ loss }) => Number.isFinite(loss));
  const highest = Math.max(0, ...points.map(({ loss }) => Math.abs(loss)));
  return {
    ...facets(layout, tasks),
    height: 230,
    color: { domain: [...methods], range: COLOURS },
    x: { label: "step", ticks: roundTicks(rangeOf(points.map(({ step }) => step), 1)), tickFormat: "~s", ...BESIDE },
    y: {
      label: `training loss, seed ${firstSeed}`,
      domain: rangeOf(points.map(({ loss }) => loss), highest / 100),
      ticks: 5,
      tickFormat: "~g",
      grid: true,
      ...BESIDE,
    },
    marks: DASHES.map((strokeDasharray, cycle) =>
      Plot.line(points.filter(({ method }) => cycleOf(methods.indexOf(method)) === cycle), {
        fx: "task",
        x: "step",
        y: "loss",
        z: "method",
        stroke: "method",
        strokeWidth: 1.5,
        strokeDasharray,
      })
    ),
  };
}

/** How often the colours were used up before a method's. */
const cycleOf = (index: number) => Math.floor(index / COLOURS.length) % DASHES.length;

/**
 * The report's figure as an SVG: scores above, losses below, tasks beside each other in as many rows as they need.
 *
 * @example
 * ```ts
 * import { readRecord, reportFigure } from "@delta-dawn/delta-lora/experiment";
 *
 * async function draw(paths: readonly string[]) {
 *   await Deno.writeTextFile("report.svg", reportFigure(await Promise.all(paths.map(readRecord))));
 * }
 * ```
 */
export function reportFigure(records: readonly RunRecord[]): string {
  const methods = [...new Set(records.map(({ spec }) => spec.method.name))];
  const titles = new Map(
    records.map(({ spec: { task, metric } }) => [task, `${task} (${METRIC_NAMES[metric] ?? metric})`]),
  );
  const layout = layoutOf([...titles.values()], methods);
  const rows = chunks([...titles.keys()], layout.columns).map((tasks) => ({
    tasks,
    own: records.filter(({ spec }) => tasks.includes(spec.task)),
  }));
  const plots = [
    ...rows.map(({ tasks, own }) =>
      scores(own, { methods, titles: new Map([...titles].filter(([task]) => tasks.includes(task))), layout })
    ),
    ...rows.map(({ tasks, own }) => losses(own, { methods, tasks, layout })),
  ];
  return `${stackSvg({ title: "Scores on the dev split, and losses", legend: methods }, plots)}\n`;
}
