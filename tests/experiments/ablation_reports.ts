import type { RunRecord, RunSpec } from "../../lib/experiment/mod.ts";
import { SCALE } from "../../experiments/recipes/mod.ts";
import { ablationReport } from "../../experiments/studies/ablations/report.ts";
import { sectionOf } from "../../experiments/studies/ablations/section.ts";
import { ABLATION_SIZE } from "../../experiments/studies/ablations/sizes.ts";
import {
  type AblationOptions,
  AblationPlan,
  chooseRates,
  distinctRuns,
  requireFairStudy,
} from "../../experiments/studies/ablations/specs.ts";
import { STUDIES, type Study } from "../../experiments/studies/ablations/studies/mod.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { finished } from "../experiment/samples.ts";
import { normals } from "../experiment/samples_of_scores.ts";

export const inputs = new Inputs();
export const study = (name: string): Study => STUDIES.find((one) => one.name === name)!;

/** Tasks with one recipe, of a study with tasks of its own, too. */
export const SUITE_TASKS = { tasks: ABLATION_SIZE.default.tasks };

export function planOf(studies: readonly Study[], options: Partial<AblationOptions> = {}): AblationPlan {
  const size = { ...ABLATION_SIZE.default, seeds: 3, manySeeds: 8 };
  return new AblationPlan(inputs, studies, { ...size, recipe: SCALE.default, ...options });
}

/** What the command makes of studies whose runs score as told. */
export async function reportOf(studies: readonly Study[], recordOf: (spec: RunSpec, noise: number) => RunRecord) {
  const plan = planOf(studies);
  const sweeps = await plan.sweeps();
  const noise = normals(5000, 7);
  const recorded = (specs: readonly RunSpec[]) =>
    specs.map((spec) => {
      // What all methods share on a task and seed, but for a little of their own.
      const shared = noise[[...spec.task].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) + 40 * spec.seed];
      return [spec, recordOf(spec, shared)] as const;
    });
  const first = new Map(recorded(distinctRuns([], sweeps)));
  const chosen = chooseRates(sweeps, { records: first, tableSeeds: [0, 1, 2] });
  const runs = await plan.runs(chosen.best);
  for (const one of runs) requireFairStudy(one, sweeps);
  const evidence = { sweeps, chosen, records: new Map([...first, ...recorded(distinctRuns(runs))]) };
  const sections = runs.map((one) => sectionOf(one, evidence));
  const text = ablationReport(sections, evidence, {
    command: "deno task reproduce ablations",
    comparable: "Not comparable.",
    figureOf: (name) => `${name}.svg`,
  });
  return { sections, evidence, text };
}

export const scored = (spec: RunSpec, score: number) => finished(spec, { metrics: { [spec.metric]: score } });
