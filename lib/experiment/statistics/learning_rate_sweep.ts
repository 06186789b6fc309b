import { mean } from "simple-statistics";
import { scoresByTask } from "./paired_differences.ts";
import type { ScoredRun } from "./scored_runs.ts";

/** A run of a sweep. */
export interface SweepRun extends ScoredRun {
  /** Peak learning rate of the run. */
  readonly learningRate: number;
}

/** A learning rate that was tried. */
export interface TriedRate {
  /** Peak learning rate. */
  readonly learningRate: number;
  /** Mean over tasks of means over seeds; none where a run failed. */
  readonly mean?: number;
  /** Runs that have no score. */
  readonly failures: number;
}

/** A method's best learning rate, and how it was chosen. */
export interface BestRate {
  /** The method's name. */
  readonly method: string;
  /** The peak learning rate that was chosen. */
  readonly learningRate: number;
  /** Its mean score: over tasks, of means over seeds. */
  readonly mean: number;
  /** All rates that were tried, ascending. */
  readonly tried: readonly TriedRate[];
  /** Runs that the choice took. */
  readonly runs: number;
  /**
   * Which end of the rates that were tried the best one is: a better one may lie beyond. It is absent where the best
   * one lies between others.
   */
  readonly edge?: "lowest" | "highest" | "only";
  /** What `edge` means in words, where it is set. */
  readonly warning?: string;
}

/** Options of {@linkcode learningRateSweep}. */
export interface SweepOptions {
  /** Seeds of the table that the rates are chosen for: the sweep must not use them. */
  readonly tableSeeds: readonly number[];
}

/**
 * The best learning rate of each method under the same budget: by the mean over tasks, ties to the lower rate. A rate
 * at which a run failed is not chosen. Methods may try other rates, but as many runs on the same tasks and seeds.
 *
 * Throws a RangeError where a seed is one of the table's, where budgets differ, where a rate was not tried on all tasks
 * and seeds, and where a run failed at every rate of a method.
 *
 * @example
 * ```ts
 * import { learningRateSweep } from "@delta-dawn/delta-lora/experiment";
 *
 * const scores = [[1e-3, 0.6], [5e-3, 0.7], [2e-2, 0.5]];
 * const rows = scores.map(([learningRate, score]) => ({ task: "rte", seed: 7, method: "lora", learningRate, score }));
 * const [best] = learningRateSweep(rows, { tableSeeds: [0, 1] });
 * console.log(best.learningRate, best.edge); // 0.005 undefined
 * ```
 */
export function learningRateSweep(rows: readonly SweepRun[], { tableSeeds }: SweepOptions): BestRate[] {
  const shared = [...new Set(rows.map(({ seed }) => seed))].filter((seed) => tableSeeds.includes(seed));
  if (shared.length > 0) {
    throw new RangeError(
      `Cannot choose learning rates on the seeds of the table as its scores would be those that chose: ${shared}`,
    );
  }
  const methods = [...new Set(rows.map(({ method }) => method))];
  const chosen = methods.map((method) => bestOf(method, rows.filter((row) => row.method === method)));
  const [first] = chosen;
  const cells = (method: string) =>
    [...new Set(rows.filter((row) => row.method === method).map(({ task, seed }) => `${task} seed ${seed}`))].sort()
      .join(", ");
  for (const { method, runs } of chosen) {
    if (runs !== first.runs) {
      throw new RangeError(
        `Cannot choose learning rates as methods must have the same budget: ${first.method} had ${first.runs} runs, ` +
          `${method} ${runs}`,
      );
    }
    if (cells(method) !== cells(first.method)) {
      throw new RangeError(
        `Cannot choose learning rates as methods must be swept on the same tasks and seeds: ${first.method} on ` +
          `${cells(first.method)}; ${method} on ${cells(method)}`,
      );
    }
  }
  return chosen;
}

function bestOf(method: string, rows: readonly SweepRun[]): BestRate {
  const rates = [...new Set(rows.map(({ learningRate }) => learningRate))].sort((a, b) => a - b);
  const count = new Set(rows.map(({ task, seed }) => `${task}\n${seed}`)).size;
  const tried = rates.map((learningRate): TriedRate => {
    const own = rows.filter((row) => row.learningRate === learningRate);
    if (own.length !== count || new Set(own.map(({ task, seed }) => `${task}\n${seed}`)).size !== count) {
      throw new RangeError(
        `Cannot choose a learning rate for ${method} as each must be tried once on the same ${count} tasks × seeds: ` +
          `${learningRate} has ${own.length} runs`,
      );
    }
    const scores = [...scoresByTask(own, method).values()];
    const failures = own.length - scores.flat().length;
    return { learningRate, failures, mean: failures > 0 ? undefined : mean(scores.map((part) => mean(part))) };
  });
  const best = tried.reduce<TriedRate | undefined>(
    (best, rate) => rate.mean !== undefined && (best === undefined || rate.mean > best.mean!) ? rate : best,
    undefined,
  );
  if (best === undefined) {
    throw new RangeError(`Cannot choose a learning rate for ${method} as a run failed at each: ${rates.join(", ")}`);
  }
  const { learningRate } = best;
  const edge = rates.length === 1
    ? "only"
    : learningRate === rates[0]
    ? "lowest"
    : learningRate === rates[rates.length - 1]
    ? "highest"
    : undefined;
  const warning = edge &&
    `${method}: its best learning rate, ${learningRate}, is the ${edge} that was tried; a better one may lie beyond`;
  return { method, learningRate, mean: best.mean!, tried, runs: rows.length, edge, warning };
}
