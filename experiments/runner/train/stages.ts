import { canonicalJson, type RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { recipeNamed } from "../../recipes/methods.ts";

/** Steps in which runs that are equal so far are trained as one. */
export interface Stage {
  /** Steps that are done at its end. */
  readonly until: number;
  /** What is trained: in each, places of runs that are equal up to there; the first of them stands for all. */
  readonly cells: readonly (readonly number[])[];
}

/** Another program, for another number of cells, takes about as long to make ready as so many steps of a cell. */
export const PROGRAM_STEPS = 150;

/** What decides nothing of a run's states. */
const NAMES = ["experiment", "metric", "packageVersion"] as const;

/** What decides a run's states before some options have an effect, and after. */
interface Prefix {
  /** Of states with at most {@linkcode until} steps. */
  readonly early: string;
  /** Of all states. */
  readonly late: string;
  /** Most steps of states that do not depend on those options. */
  readonly until: number;
}

function prefixOf(spec: RunSpec): Prefix {
  const states = Object.fromEntries(Object.entries(spec).filter(([key]) => !NAMES.some((name) => name === key)));
  const { name, ...options } = spec.method;
  const dormant = recipeNamed(name).description.dormant;
  if (!dormant || spec.adapter) return { early: canonicalJson(states), late: canonicalJson(states), until: 0 };
  const awake = Object.entries(spec.method).filter(([option]) => !dormant.options.includes(option));
  return {
    early: canonicalJson({ ...states, method: Object.fromEntries(awake) }),
    late: canonicalJson(states),
    until: dormant.until(options),
  };
}

/** Which runs are equal in states of so many steps. */
function equalAt(prefixes: readonly Prefix[], steps: number): number[][] {
  const places = [...prefixes.keys()];
  const keyOf = (place: number) => {
    const { early, late, until } = prefixes[place];
    return steps <= until ? `early ${early}` : `late ${late}`;
  };
  return [...Map.groupBy(places, keyOf).values()];
}

/**
 * How runs of one program are trained from a step on: equal ones once, up to where the first of them differ. What saves
 * fewer steps than another program costs is trained apart from the stage's beginning on.
 */
export function stagesOf(
  specs: readonly RunSpec[],
  { from, steps }: { readonly from: number; readonly steps: number },
): Stage[] {
  const prefixes = specs.map(prefixOf);
  const forks = prefixes.map(({ until }) => until).filter((until) => until > from && until < steps);
  const ends = [...new Set(forks)].sort((a, b) => a - b);
  const stages: Stage[] = [];
  // From the last one back, as a stage may have the cells of the one behind it.
  for (const [i, until] of [...ends, steps].entries().toArray().reverse()) {
    const next = stages[0];
    const cells = equalAt(prefixes, until);
    const length = until - (ends[i - 1] ?? from);
    if (!next) stages.unshift({ until, cells });
    else if ((next.cells.length - cells.length) * length >= PROGRAM_STEPS) stages.unshift({ until, cells });
  }
  return stages;
}

/** Steps of runs that are trained once for several, in so many stages. */
export function sharedSteps(
  stages: readonly Stage[],
  { runs, from }: { readonly runs: number; readonly from: number },
): number {
  let [sum, begin] = [0, from];
  for (const { until, cells } of stages) {
    sum += (runs - cells.length) * (until - begin);
    begin = until;
  }
  return sum;
}
