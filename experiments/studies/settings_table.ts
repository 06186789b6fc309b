import { mean, sampleStandardDeviation } from "simple-statistics";
import type { RunSpec } from "../../lib/experiment/specs/mod.ts";
import { type RunRecord, scoreOf } from "../../lib/experiment/records/mod.ts";
import { valueAt } from "../../lib/experiment/specs/choices.ts";
import { leavesOf } from "../../lib/experiment/specs/leaves.ts";
import { percent } from "../../lib/experiment/tables/percent.ts";
import { tableMarkdown, type TableRow } from "../../lib/experiment/tables/table.ts";

/** Whether runs of the same task and method differ at a dotted path. */
export function differAt(specs: readonly RunSpec[]): (path: string) => boolean {
  const groups = [...Map.groupBy(specs, ({ task, method }) => JSON.stringify([task, method.name])).values()];
  return (path) =>
    groups.some((group) => new Set(group.map((spec) => JSON.stringify(valueAt(spec, path.split("."))))).size > 1);
}

/**
 * Dotted paths in place of those at which whole parts of specs stand, such as methods with their options: of each part what
 * differs among runs of the same task and method.
 */
export function pathsOfValues(paths: readonly string[], specs: readonly RunSpec[]): string[] {
  const differs = differAt(specs);
  const below = (path: string) => {
    const values = specs.map((spec) => valueAt(spec, path.split("."))).filter((value) => value !== undefined);
    const leaves = values.flatMap((value) => leavesOf(value, { lists: "whole" }).map(([below]) => below));
    const found = [...new Set(leaves)].filter((below) => below !== "");
    return found.length === 0 ? [path] : found.map((below) => `${path}.${below}`).filter(differs);
  };
  return [...new Set(paths.flatMap(below))];
}

/** What each run has at dotted paths at which runs differ, in words; what it has not is left out. */
export function settingWords(spec: RunSpec, paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const value = valueAt(spec, path.split("."));
    return value === undefined ? [] : [`${path}=${value}`];
  });
}

function scoreText(scores: readonly number[]): string {
  if (scores.length === 0) return "failed";
  const center = percent(mean([...scores]));
  return scores.length > 1 ? `${center} ± ${percent(sampleStandardDeviation([...scores]))}` : center;
}

/**
 * A row for each task, method and setting, with the mean of its scores over the seeds in per cent and their deviation.
 * `paths` are those at which runs differ beside task, method and seed.
 */
export function settingsTable(records: readonly RunRecord[], paths: readonly string[]): string {
  const rows = new Map<string, RunRecord[]>();
  for (const record of records) {
    const { task, method } = record.spec;
    const key = JSON.stringify([task, method.name, ...settingWords(record.spec, paths)]);
    rows.set(key, [...rows.get(key) ?? [], record]);
  }
  return tableMarkdown([...rows.values()].map((group): TableRow => {
    const [{ spec }] = group;
    const scores = group.map(scoreOf).filter((score) => score !== undefined);
    const results = group.flatMap(({ result }) => result ?? []);
    const settings = paths.map((path) => [path.split(".").at(-1)!, String(valueAt(spec, path.split(".")) ?? "–")]);
    return {
      task: spec.task,
      method: spec.method.name,
      ...Object.fromEntries(settings),
      score: scoreText(scores),
      metric: spec.metric,
      seeds: group.length,
      "trained parameters": results[0]?.trainableParameters ?? "–",
      "steps/s": results.length > 0 ? mean(results.map(({ stepsPerSecond }) => stepsPerSecond)).toFixed(1) : "–",
    };
  }));
}
