import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { ownSeconds } from "../../../lib/experiment/statistics/scored_runs.ts";
import type { Session } from "../../runner/run_grid.ts";
import type { Say } from "../../terminal/say.ts";
import { totalOf } from "../glue/estimate.ts";
import { grow, type Growth } from "../growth.ts";
import type { Evidence } from "./section.ts";
import { type AblationPlan, chooseRates, distinctRuns, requireFairStudy, type StudyRuns } from "./specs.ts";

/** A run as lines name it: by the rate that is tried, or by its condition where it first comes. */
function titles(sweeps: ReadonlyMap<string, readonly RunSpec[]>, studies: readonly StudyRuns[] = []) {
  const names = new Map<RunSpec, string>();
  for (const [name, specs] of sweeps) {
    for (const spec of specs) names.set(spec, `${name} at ${spec.optimizer.learningRate}`);
  }
  for (const { condition, specs } of studies.flatMap(({ runs }) => runs)) {
    for (const spec of specs) if (!names.has(spec)) names.set(spec, condition.name);
  }
  return (spec: RunSpec) => `${spec.task} ${names.get(spec)} seed ${spec.seed}`;
}

/** Seconds by method and task, for runs whose rates are not known yet, too. */
export function byMethod(
  seconds: ReadonlyMap<RunSpec, number>,
): (specs: readonly RunSpec[]) => ReadonlyMap<RunSpec, number> {
  const key = ({ method, task }: RunSpec) => `${method.name} ${task}`;
  const known = new Map(Array.from(seconds, ([spec, one]) => [key(spec), one]));
  return (specs) => new Map(specs.map((spec) => [spec, known.get(key(spec)) ?? 0]));
}

/** Runs the sweep, then the studies at the rates that it chose, with as many seeds as they have or as widths ask for. */
export async function gather(
  plan: AblationPlan,
  { seconds, openRuns, runSpecs }: Session,
  { growth, say }: { readonly growth?: Growth; readonly say: Say },
): Promise<{ readonly studies: readonly StudyRuns[]; readonly evidence: Evidence }> {
  const secondsOf = byMethod(seconds);
  const recordsOf = async (specs: readonly RunSpec[], title: (spec: RunSpec) => string) => {
    const records = await runSpecs(specs, { seconds: secondsOf(await openRuns(specs)), title });
    return new Map(specs.map((spec, i) => [spec, records[i]]));
  };
  const sweeps = await plan.sweeps();
  const first = await recordsOf(distinctRuns([], sweeps), titles(sweeps));
  const tableSeeds = [...new Set(distinctRuns(await plan.runs([], growth?.most)).map(({ seed }) => seed))];
  const chosen = chooseRates(sweeps, { records: first, tableSeeds });
  const runAt = async (seeds?: number) => {
    const studies = await plan.runs(chosen.best, seeds);
    for (const study of studies) requireFairStudy(study, sweeps);
    const records = await recordsOf(distinctRuns(studies), titles(sweeps, studies));
    return { studies, records };
  };
  const { found: { studies, records: second }, text } = growth
    ? await grow(growth, {
      say,
      run: async (seeds) => {
        const found = await runAt(seeds);
        const { widestOf } = await import("./rows.ts"); // which loads statistics
        const seconds = totalOf(found.records.values().map((record) => ownSeconds(record) ?? 0));
        return { found, width: widestOf(found.studies, found.records), seconds };
      },
    })
    : { found: await runAt(), text: undefined };
  const records = new Map([...first, ...second]);
  return { studies, evidence: { sweeps, chosen, records, growth: text } };
}
