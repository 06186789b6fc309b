import type { ScoredRun } from "./scored_runs.ts";

/** Values by task: those of one task are taken to have one distribution. */
export type Strata = readonly (readonly number[])[];

/** Differences of a method and another one on the same tasks and seeds. */
export interface PairedDifferences {
  /** Tasks that have a pair, in the order in which they first come. */
  readonly tasks: readonly string[];
  /** Differences by task, in the order of `tasks`. */
  readonly differences: Strata;
  /** Tasks × seeds of which one of the two has a row and that are no pair: a run failed or was not made. */
  readonly leftOut: number;
  /** Mean seconds that a pair took, both runs together; none where rows do not say it. */
  readonly seconds?: number;
}

const isScored = ({ score }: ScoredRun): boolean => score !== undefined && Number.isFinite(score);

/** Scores of a method by task, of runs that have one, in the order in which tasks first come. */
export function scoresByTask(rows: readonly ScoredRun[], method: string): Map<string, number[]> {
  const scores = new Map<string, number[]>();
  for (const row of rows) {
    if (row.method !== method || !isScored(row)) continue;
    scores.set(row.task, [...scores.get(row.task) ?? [], row.score!]);
  }
  return scores;
}

/** Rows of a method by task and seed. Throws a RangeError where one comes twice: which of them a pair needs is unknown. */
function cellsOf(rows: readonly ScoredRun[], method: string): Map<string, ScoredRun> {
  const cells = new Map<string, ScoredRun>();
  for (const row of rows) {
    if (row.method !== method) continue;
    const cell = `${row.task}\n${row.seed}`;
    if (cells.has(cell)) {
      throw new RangeError(
        `Cannot pair the runs of ${method} as two of them are of ${row.task}, seed ${row.seed}: ` +
          "give those that differ in an option names of their own",
      );
    }
    cells.set(cell, row);
  }
  return cells;
}

/**
 * A method's scores minus the baseline's on the same tasks and seeds, by task.
 *
 * Throws a RangeError where a method has two runs of a task and seed.
 *
 * @example
 * ```ts
 * import { pairedDifferences } from "@delta-dawn/delta-lora/experiment";
 *
 * const rows = [
 *   { task: "rte", seed: 0, method: "lora", score: 0.5 },
 *   { task: "rte", seed: 0, method: "delta-lora", score: 0.75 },
 *   { task: "rte", seed: 1, method: "lora", score: 0.5 },
 * ];
 * const { differences, leftOut } = pairedDifferences(rows, { method: "delta-lora", baseline: "lora" });
 * console.log(differences, leftOut); // [[0.25]] 1
 * ```
 */
export function pairedDifferences(
  rows: readonly ScoredRun[],
  { method, baseline }: { readonly method: string; readonly baseline: string },
): PairedDifferences {
  const own = cellsOf(rows, method);
  const other = cellsOf(rows, baseline);
  const byTask = new Map<string, number[]>();
  let leftOut = 0;
  let seconds = 0;
  for (const cell of new Set([...own.keys(), ...other.keys()])) {
    const [a, b] = [own.get(cell), other.get(cell)];
    if (!a || !b || !isScored(a) || !isScored(b)) leftOut++;
    else {
      byTask.set(a.task, [...byTask.get(a.task) ?? [], a.score! - b.score!]);
      seconds += (a.seconds ?? NaN) + (b.seconds ?? NaN);
    }
  }
  const differences = [...byTask.values()];
  const known = Number.isFinite(seconds) && differences.length > 0;
  return {
    tasks: [...byTask.keys()],
    differences,
    leftOut,
    ...known && { seconds: seconds / differences.flat().length },
  };
}
