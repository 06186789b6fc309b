import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import type { Scale, TaskName } from "../../recipes/mod.ts";
import type { AblationSize } from "./sizes.ts";
import type { Condition, Study } from "./studies/mod.ts";
import type { StudySize } from "./studies/study_size.ts";

/** What conditions are trained on, and how much. */
export interface AblationOptions extends Omit<AblationSize, "out"> {
  /** Whose recipe all conditions begin with. */
  readonly recipe: Scale;
  /** Which state is scored, in place of each recipe's. */
  readonly checkpoint?: RunSpec["checkpoint"];
  /** Whether each condition has a sweep of its own, not each method with its optimizer. */
  readonly sweepsEach?: boolean;
  /** What of the size was asked for, of studies with a size of their own, too. */
  readonly asked?: Partial<StudySize>;
}

/** Runs that are swept for one rate. */
export interface Swept {
  readonly condition: Condition;
  readonly tasks: readonly TaskName[];
  readonly seeds: number;
  readonly steps?: number;
}

/** What is swept for a condition: itself, or its method with its optimizer and all else as in the recipe. */
function sweptCondition(condition: Condition, { name, sweepsEach }: Study, options: AblationOptions): Condition {
  if (condition.rate) return { name: condition.rate.of, method: condition.rate.of };
  if (options.sweepsEach || sweepsEach) return { ...condition, name: `${name}: ${condition.name}` };
  const { method, set = {} } = condition;
  const own = Object.fromEntries(Object.entries(set).filter(([path]) => path.startsWith("optimizer.")));
  const optimizer = set["optimizer.name"];
  return { name: optimizer === undefined ? method : `${method} ${optimizer}`, method, set: own };
}

/** How much a study runs: as others, or as it says itself, unless something else is asked for. */
export function sizeOf(
  { size, hasManySeeds }: Study,
  options: AblationOptions,
): StudySize {
  const { name, tasks, seeds, manySeeds, steps, sweepSeeds, asked } = options;
  return { tasks, seeds: hasManySeeds ? manySeeds : seeds, steps, sweepSeeds, ...size?.(name), ...size && asked };
}

/** How many pairs a seed gives the study that has the fewest: one a task, or one where tasks are compared by themselves. */
export function pairsPerSeed(studies: readonly Study[], options: AblationOptions): number {
  return Math.min(...studies.map((study) => study.comparesTasks ? 1 : sizeOf(study, options).tasks.length));
}

/** What is swept for a condition of a study: on all tasks together, or on each for itself where they are of other kinds. */
export function sweptFor(condition: Condition, study: Study, options: AblationOptions): Swept[] {
  const swept = sweptCondition(condition, study, options);
  const { tasks, sweepSeeds: seeds, steps } = sizeOf(study, options);
  if (!study.sweepsTasks) return [{ condition: swept, tasks, seeds, steps }];
  return tasks.map((task) => (
    { condition: { ...swept, name: `${swept.name} on ${task}` }, tasks: [task], seeds, steps }
  ));
}

/**
 * All that is swept, with as many seeds as the study that asks for the most on the same tasks: studies share sweeps, and
 * rates are chosen fairly where all on the same tasks were tried as often.
 */
export function withMostSeeds(swept: readonly Swept[]): Swept[] {
  const most = new Map<string, number>();
  const key = ({ tasks }: Swept) => tasks.toSorted().join();
  for (const one of swept) most.set(key(one), Math.max(one.seeds, most.get(key(one)) ?? 0));
  return swept.map((one) => ({ ...one, seeds: most.get(key(one))! }));
}
