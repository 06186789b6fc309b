import { hashSpec, type RunSpec } from "../../lib/experiment/specs/mod.ts";

/**
 * Hashes of the runs whose outcomes are kept: those that others of the grid start from, and those of tasks that runs
 * which are asked for later may start from.
 */
export async function keptRuns(
  specs: readonly RunSpec[],
  startTasks: readonly string[] = [],
): Promise<ReadonlySet<string>> {
  // Runs that start from another one name it by its hash.
  const starts = new Set(specs.flatMap(({ start }) => start?.run ?? []));
  const hashes = await Promise.all(specs.map(hashSpec));
  return new Set(hashes.filter((hash, i) => starts.has(hash) || startTasks.includes(specs[i].task)));
}
