import type { GroupRunner } from "../../lib/experiment/records/mod.ts";
import { planGroups } from "../../lib/experiment/records/plan_groups.ts";
import type { RunSpec } from "../../lib/experiment/specs/mod.ts";
import { plural } from "../../lib/text/plural.ts";
import type { Inputs } from "./data/inputs.ts";
import { programKey, signatureDifference, signatureOf } from "./train/program.ts";
import { sharedSteps, stagesOf } from "./train/stages.ts";

/** What a run takes, as batches: runs whose model is large enough for others to count do not share a device. */
export const workOf = ({ steps, accumulate = 1 }: RunSpec): number => steps * accumulate;

/** What decides the programs of runs, by run: by the names of tasks alone where their data are not at hand. */
export async function signaturesOf(specs: readonly RunSpec[], inputs: Inputs): Promise<ReadonlyMap<RunSpec, string>> {
  const signatures = new Map<RunSpec, string>();
  for (const spec of specs) {
    signatures.set(spec, inputs.hasDataOf(spec) ? signatureOf(spec, await inputs.encodedRun(spec)) : programKey(spec));
  }
  return signatures;
}

/** Runs that share a program. */
export interface ProgramPlan {
  readonly tasks: readonly string[];
  readonly methods: readonly string[];
  /** How many runs are trained together, group by group. */
  readonly cells: readonly number[];
  /** Steps of runs that are trained once for several, as the runs are equal so far. */
  readonly sharedSteps: number;
  /** In what its runs differ from those of the program before, which they would share else. */
  readonly differsIn?: string;
}

/** What decides the groups of runs. */
export interface GroupedBy {
  /** By what runs are grouped, and how many each group may have. */
  readonly runner: Omit<GroupRunner, "run">;
  /** How many groups are under way at once. */
  readonly parallel: number;
}

/** Which runs are trained together, and why others are not. */
export function planPrograms(specs: readonly RunSpec[], { runner, parallel }: GroupedBy): ProgramPlan[] {
  const { keyOf } = runner;
  const groups = planGroups(specs, { ...runner, parallel });
  const saved = (group: readonly RunSpec[]) => {
    const [{ steps }] = group;
    return sharedSteps(stagesOf(group, { from: 0, steps }), { runs: group.length, from: 0 });
  };
  const programs = Map.groupBy(groups, ([first]) => keyOf(first)).entries().toArray();
  return programs.map(([signature, groups], i): ProgramPlan => {
    const runs = groups.flat();
    const differsIn = i === 0 ? undefined : signatureDifference(programs[i - 1][0], signature);
    return {
      tasks: [...new Set(runs.map(({ task }) => task))],
      methods: [...new Set(runs.map(({ method }) => method.name))],
      cells: groups.map(({ length }) => length),
      sharedSteps: groups.reduce((sum, group) => sum + saved(group), 0),
      ...differsIn !== undefined && { differsIn },
    };
  });
}

/** The programs of runs for people: which runs share one, in what others differ, and what is trained once for several. */
export function programLines(plans: readonly ProgramPlan[]): string[] {
  const runs = plans.reduce((sum, { cells }) => sum + cells.reduce((all, one) => all + one, 0), 0);
  const lines = plans.map(({ tasks, methods, cells, sharedSteps, differsIn }) => {
    const total = cells.reduce((sum, one) => sum + one, 0);
    const parts = cells.length > 1 ? ` (${cells.join(" + ")})` : "";
    const saved = sharedSteps > 0 ? `, ${sharedSteps.toLocaleString("en")} of their steps once for several` : "";
    const why = differsIn === undefined ? "" : `; other ${differsIn} than the one before`;
    return `  ${methods.join(", ")} on ${tasks.join(", ")}: ${plural(total, "cell")}${parts}${saved}${why}`;
  });
  return [`programs: ${plural(runs, "run")} in ${plural(plans.length, "program")}`, ...lines];
}
