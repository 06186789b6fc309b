import * as Plot from "@observablehq/plot";
import { mean } from "simple-statistics";
import { meanInterval, type ScoredRun } from "../../../lib/experiment/statistics/mod.ts";
import { COLOURS, LETTER, stackSvg } from "../../../lib/experiment/figures/figure.ts";
import type { ChangeRow } from "./changes.ts";

/** A mean with its interval, and where it stands. */
interface Mark {
  readonly method: string;
  readonly task: string;
  readonly mean: number;
  readonly low?: number;
  readonly high?: number;
}

/** Means over runs, task by task. */
function marksOf(values: readonly (Pick<Mark, "method" | "task"> & { readonly value: number })[]): Mark[] {
  const groups = Map.groupBy(values, ({ method, task }) => JSON.stringify([method, task]));
  return Array.from(groups.values(), (own) => {
    const numbers = own.map(({ value }) => value);
    const [low, high] = meanInterval([numbers]) ?? [];
    return { method: own[0].method, task: own[0].task, mean: mean(numbers), low, high };
  });
}

function panel(marks: readonly Mark[], { methods, tasks, label, colour }: {
  readonly methods: readonly string[];
  readonly tasks: readonly string[];
  readonly label: string;
  readonly colour: string;
}): Plot.PlotOptions {
  const ranges = marks.filter(({ low }) => low !== undefined);
  const places = { fx: "task", y: "method" };
  return {
    height: 84 + 20 * methods.length,
    marginLeft: 20 + LETTER * Math.max(...methods.map(({ length }) => length)),
    marginTop: 34,
    fx: { label: null, domain: tasks },
    y: { label: null, domain: methods },
    x: { label, grid: true, ticks: 4, inset: 4, labelAnchor: "center", labelArrow: "none" },
    marks: [
      Plot.ruleY(ranges, { ...places, x1: "low", x2: "high", stroke: colour, strokeWidth: 2 }),
      Plot.dot(marks, { ...places, x: "mean", fill: colour, r: 3.5 }),
    ],
  };
}

/**
 * The effective rank of the change above, and scores below, task by task, a row a method in the order of their ranks: means over
 * seeds with their intervals, as SVG.
 */
export function ranksFigure(
  { changes, rows }: { readonly changes: readonly ChangeRow[]; readonly rows: readonly ScoredRun[] },
  { title }: { readonly title: string },
): string {
  const tasks = [...new Set(rows.map(({ task }) => task))];
  const runs = Map.groupBy(changes, ({ method, task, seed }) => JSON.stringify([method, task, seed]));
  const ranks = Array.from(runs.values(), (own) => (
    { method: own[0].method, task: own[0].task, value: mean(own.map(({ effectiveRank }) => effectiveRank)) }
  ));
  const rankOf = (method: string) => mean(ranks.filter((one) => one.method === method).map(({ value }) => value));
  const methods = [...new Set(ranks.map(({ method }) => method))].toSorted((a, b) => rankOf(b) - rankOf(a));
  const scores = rows.flatMap(({ method, task, score }) =>
    score === undefined ? [] : [{ method, task, value: 100 * score }]
  );
  return stackSvg({ title }, [
    panel(marksOf(ranks), { methods, tasks, label: "effective rank of the change", colour: COLOURS[0] }),
    panel(marksOf(scores), { methods, tasks, label: "score, per cent", colour: COLOURS[1] }),
  ]);
}
