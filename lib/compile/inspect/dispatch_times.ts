import type { Plan } from "../plan/plan.ts";
import { countRuns } from "../plan/repeat.ts";
import { trafficOf } from "./traffic.ts";

/** What a dispatch took on the device, and what it did. */
export interface DispatchTime {
  /** Name of the kernel. */
  readonly kernel: string;
  /** Numbers of workgroups along x, y and z. */
  readonly grid: readonly [number, number, number];
  /** How often it runs: more than once in a loop. */
  readonly runs: number;
  /** Bytes that it reads and writes in all runs, each element that a run needs once. */
  readonly bytes: number;
  /** Multiplications and additions of a product, in all runs; 0 for everything else. */
  readonly operations: number;
  /** Seconds that all runs take: of a loop, as many times those of one run. */
  readonly seconds: number;
}

/**
 * How dispatches were timed: `timestamps` are written by the device; by `difference`, each dispatch was repeated, and
 * its time is what that added to a wait.
 */
export type ProfileClock = "timestamps" | "difference";

/** Times of the dispatches of a plan, from the seconds of a run of each. */
export function dispatchTimes(plan: Plan, seconds: readonly number[]): DispatchTime[] {
  const counts = countRuns(plan);
  return plan.steps.map((step, i) => {
    const { read, written } = trafficOf(plan, step);
    const { kernel, grid, operations } = step;
    const runs = counts[i];
    return {
      kernel: kernel.name,
      grid,
      runs,
      operations: runs * operations,
      bytes: runs * (read + written),
      seconds: runs * seconds[i],
    };
  });
}
