import { mean, sampleStandardDeviation } from "simple-statistics";
import type { ScoredRun } from "../../../lib/experiment/statistics/mod.ts";
import { formatPoints } from "../../../lib/experiment/statistics/points.ts";
import { tableMarkdown } from "../../../lib/experiment/tables/table.ts";

const points = (value: number) => formatPoints(100 * value, { digits: 1 });

/** Scores by task as papers print them, a row a condition: means over seeds with their deviation, and the mean of these. */
export function taskTable(rows: readonly ScoredRun[]): string {
  const tasks = [...new Set(rows.map(({ task }) => task))];
  const lines = Array.from(Map.groupBy(rows, ({ method }) => method), ([method, own]) => {
    const scores = tasks.map((task) =>
      own.flatMap(({ task: there, score }) => there === task && score !== undefined ? [score] : [])
    );
    const cells = scores.map((some, i) => {
      const spread = some.length > 1 ? ` ± ${points(sampleStandardDeviation(some))}` : "";
      return [tasks[i], some.length === 0 ? "–" : `${points(mean(some))}${spread}`] as const;
    });
    const average = scores.every(({ length }) => length > 0) ? points(mean(scores.map((some) => mean(some)))) : "–";
    return { method, ...Object.fromEntries(cells), average };
  });
  return tableMarkdown(lines);
}
