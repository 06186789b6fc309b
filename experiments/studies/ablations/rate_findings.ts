import { settingOf } from "../../../lib/experiment/statistics/mod.ts";
import { formatPoints } from "../../../lib/experiment/statistics/points.ts";
import { tableMarkdown } from "../../../lib/experiment/tables/table.ts";
import type { Evidence } from "./section.ts";
import type { StudyRuns } from "./specs.ts";

/** Sweeps that a study's conditions took their rates from. */
export function sweptIn({ runs }: StudyRuns): string[] {
  return [...new Set(runs.flatMap(({ sweeps }) => sweeps))];
}

/** The sweep's scores by rate, and what was chosen. */
export function rateTable(studyRuns: StudyRuns, { chosen, sweeps }: Evidence): string {
  const names = sweptIn(studyRuns);
  const specs = names.flatMap((name) => sweeps.get(name)!);
  const seeds = [...new Set(specs.map(({ seed }) => seed))];
  const { metric, split, checkpoint } = settingOf(specs);
  const rows = chosen.best.filter(({ method }) => names.includes(method)).map(({ method, tried, learningRate }) => ({
    swept: method,
    ...Object.fromEntries(tried.map(({ learningRate, mean, failures }) => [
      `at ${learningRate}`,
      mean === undefined ? `${failures} failed` : formatPoints(100 * mean, { digits: 1 }),
    ])),
    chosen: String(learningRate),
  }));
  return [
    tableMarkdown(rows),
    "",
    `- The sweep's mean scores by learning rate. Metric: ${metric}, in per cent; ${split} split; ${checkpoint} ` +
    `checkpoint; ${seeds.length === 1 ? "seed" : "seeds"} ${
      seeds.join(", ")
    }, which no comparison uses; as many runs for each.`,
  ].join("\n");
}

/** What the sweep chose. */
export function rateFindings(studyRuns: StudyRuns, { chosen: { best } }: Evidence): string[] {
  const names = sweptIn(studyRuns);
  const own = best.filter(({ method }) => names.includes(method));
  return [
    `Rates that the sweep chose: ${own.map(({ method, learningRate }) => `${method} ${learningRate}`).join(", ")}.`,
  ];
}

/** More warnings of a kind than this are one sentence. */
const FEW_WARNINGS = 3;

/** What the sweep leaves open about the rates of a study's conditions. */
export function rateWarnings(studyRuns: StudyRuns, { chosen: { best, failed } }: Evidence): string[] {
  const names = sweptIn(studyRuns);
  const own = best.filter(({ method, warning }) => warning && names.includes(method));
  const warnings = [...Map.groupBy(own, ({ edge }) => edge)].flatMap(([edge, some]) => {
    if (some.length <= FEW_WARNINGS) return some.map(({ warning }) => `${warning}.`);
    const told = some.map(({ method, learningRate }) => `${method} (${learningRate})`).join(", ");
    return [`The best rate was the ${edge} that was tried, and a better one may lie beyond, for ${told}.`];
  });
  return [
    ...warnings,
    ...failed.filter((name) => names.includes(name)).map((name) =>
      `${name}: runs failed at every rate of the sweep, so it has its recipe's.`
    ),
  ];
}
