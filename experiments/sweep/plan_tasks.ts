import { planGroups } from "../../lib/experiment/records/plan_groups.ts";
import type { RunSpec } from "../../lib/experiment/specs/mod.ts";
import type { Inputs } from "../runner/data/inputs.ts";
import { signaturesOf, workOf } from "../runner/program_plan.ts";

/** The run that others begin with: itself, or the one that it starts from, and so on. */
function rootOf(hash: string, specs: ReadonlyMap<string, RunSpec>): string {
  const start = specs.get(hash)?.start?.run;
  return start !== undefined && specs.has(start) ? rootOf(start, specs) : hash;
}

/** Options of {@linkcode planTasks}. */
export interface PlanTasksOptions {
  readonly inputs: Inputs;
  /** Hashes of the runs that are to be done. */
  readonly open: ReadonlySet<string>;
  /** Most runs that are trained together in one program. */
  readonly cells: number;
  /** Most runs of one task, but for those that start from one another. */
  readonly runs: number;
}

/** Groups as tasks: one after another goes into the same task as long as it has room. */
function packed(groups: readonly (readonly string[])[], most: number): string[][] {
  const tasks: string[][] = [];
  for (const group of groups) {
    const last = tasks.at(-1);
    if (last && last.length + group.length <= most) last.push(...group);
    else tasks.push([...group]);
  }
  return tasks;
}

/**
 * Runs as tasks, by their hashes: those that share a program in groups, and as many groups in a task as have room. A run
 * that starts from another one is in a task with it and with all that start from it, since no task waits for another.
 */
export async function planTasks(
  specs: ReadonlyMap<string, RunSpec>,
  { inputs, open, cells, runs }: PlanTasksOptions,
): Promise<string[][]> {
  const families = Map.groupBy(specs.keys(), (hash) => rootOf(hash, specs)).values()
    .filter((family) => family.some((hash) => open.has(hash))).toArray();
  const alone = families.filter(({ length }) => length === 1).flat();
  const signatures = await signaturesOf(alone.map((hash) => specs.get(hash)!), inputs);
  const groups = planGroups(alone, {
    most: () => Math.min(cells, runs),
    keyOf: (hash) => signatures.get(specs.get(hash)!)!,
    workOf: (hash) => workOf(specs.get(hash)!),
    parallel: 1,
  });
  return [...packed(groups, runs), ...families.filter(({ length }) => length > 1)];
}
